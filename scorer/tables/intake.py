"""What do input files hold, brought into one form? Run as a program it reads for a Fence, so that no file can do harm."""

import base64
import json
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scorer.config import InputMapping
from scorer.durable import file_hash, unwritable
from scorer.errors import RunError
from scorer.faults import reach
from scorer.records import Reject, RejectReason
from scorer.tables.carried import carried_schema
from scorer.tables.fence import Fence, serve
from scorer.tables.files import FileError, InputFile, open_parquet, read_batches, reading, refuse_joined
from scorer.tables.mapping import Layout, mapping_of, read_layout
from scorer.tables.normalise import ROW_SCHEMA, normalise

PIECE_BYTES = 16 << 20
IN_A_ROW, IN_A_ROW_BYTES = 64, 8 << 20  # files that one process reads at most
DEATHS = {
    "memory": (RejectReason.FILE_MEMORY, "needs more memory than limits.file_memory_mb allows: raise it where the file is as it should be"),
    "time": (RejectReason.FILE_TIME, "takes longer than limits.file_seconds allows: raise it where the file is as it should be"),
    "crashed": (RejectReason.FILE_CRASHED, "took its reader down: export it again"),
}


@dataclass(frozen=True, slots=True)
class Intake:
    """What a file held; its rows are in an Arrow file of ROW_SCHEMA."""

    rows: int  # counted from the Arrow columns: a nested row counts its segments, at least 1
    missing: int  # of these, without a call_id
    carried: pa.Schema


@dataclass(frozen=True, slots=True)
class Asked:
    """A file that is to be read, its number in the night, and the Arrow file for its rows."""

    number: int
    file: InputFile
    target: Path


def fence(*, memory_mb: int, seconds: int) -> Fence:
    """What `take_in` reads behind; its process starts at once, so that it is ready when the model is."""
    return Fence("scorer.tables.intake", memory_mb=memory_mb, seconds=seconds)


def in_a_row(files: Sequence[InputFile], workdir: Path) -> Iterator[list[Asked]]:
    """The files in order, small ones together, but never two with the same bytes: for each a process of its own takes longer than it."""
    row: list[Asked] = []
    for number, file in enumerate(files):
        size = file.size + sum(one.file.size for one in row)
        if row and (len(row) == IN_A_ROW or size > IN_A_ROW_BYTES or file.sha256 in {one.file.sha256 for one in row}):
            yield row
            row = []
        row.append(Asked(number, file, workdir / f"{number}.arrow"))
    yield row


def take_in(asked: Sequence[Asked], *, mapping: InputMapping, behind: Fence) -> list[Intake | Reject]:
    """Read each file whole into its target, or say why not; whatever the files hold, this process is safe.

    One process reads them in a row while all is well. Where one of them is bad, each is read by a process of its own, so that it alone
    is rejected, and for what it does alone. Raises RunError where a target cannot be written.
    """
    if not asked:
        return []
    reach("read")
    question = {"asked": [asdict(one) for one in asked], "mapping": mapping.model_dump(mode="json")}
    answer, death = behind.ask(json.dumps(question, default=str))
    if answer:
        return [_parse(found, one.file) for found, one in zip(json.loads(answer), asked, strict=True)]
    if len(asked) > 1:
        return [found for one in asked for found in take_in([one], mapping=mapping, behind=behind)]
    reason, detail = DEATHS[death or "crashed"]
    return [Reject(reason, asked[0].file.source, rows=0, detail=detail, stage="read")]


def _parse(found: dict[str, Any], file: InputFile) -> Intake | Reject:
    if "failed" in found:
        raise RunError(found["failed"])
    if "reason" in found:
        detail = found["detail"].replace(str(file.path), file.source)  # of what was fetched, only where from
        return Reject(RejectReason(found["reason"]), file.source, rows=0, detail=detail, stage=found["stage"])
    carried = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(found["carried"])))
    return Intake(found["rows"], found["missing"], carried)


def _answer(question: str) -> str:
    """What came of each file; nothing where one of several is bad."""
    said = json.loads(question)
    mapping = InputMapping.model_validate_json(json.dumps(said["mapping"]))
    answers = []
    for one in said["asked"]:
        file = InputFile(Path(one["file"]["path"]), one["file"]["size"], one["file"]["sha256"])
        answers.append(_found(Asked(one["number"], file, Path(one["target"])), mapping))
        if len(said["asked"]) > 1 and "rows" not in answers[-1]:
            return ""
    return json.dumps(answers)


def _found(asked: Asked, mapping: InputMapping) -> dict[str, Any]:
    """How an Intake, a Reject or a RunError is told; see `_parse`."""
    try:
        intake = _read(asked.file, mapping, number=asked.number, target=asked.target)
    except FileError as error:
        return {"reason": error.reason, "detail": str(error).removeprefix(f"{asked.file.path}: "), "stage": error.stage}
    except RunError as error:
        return {"failed": str(error)}
    except MemoryError:
        raise  # the fence tells it
    except Exception as error:  # noqa: BLE001  # the border of a process whose stderr is dropped: only where it happened goes back
        detail = f"a bug in scorer, not the file's fault ({type(error).__name__} in {_place(error)}): please report it"
        return {"reason": RejectReason.FILE_CRASHED, "detail": detail, "stage": "read"}
    carried = base64.b64encode(intake.carried.serialize().to_pybytes()).decode()
    return {"rows": intake.rows, "missing": intake.missing, "carried": carried}


def _place(error: Exception) -> str:
    """The last line of ours that it went through."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == Path(__file__).parent]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _read(file: InputFile, mapping: InputMapping, *, number: int, target: Path) -> Intake:
    with ExitStack() as stack:
        stack.enter_context(_writing(target))
        sink = stack.enter_context(pa.OSFile(str(target), "wb"))
        writer = stack.enter_context(pa.ipc.new_file(sink, ROW_SCHEMA))
        parquet = stack.enter_context(open_parquet(file.path))
        refuse_joined(file.path)
        mapping = mapping_of(parquet.schema_arrow, mapping)
        layout, problems = read_layout(file.path, parquet.schema_arrow, mapping)
        if layout is None:
            raise FileError("; ".join(problem.removeprefix(f"{file.path}: ") for problem in problems), RejectReason.FILE_COLUMNS, "columns")
        carried = carried_schema(layout)
        rows = missing = 0
        for batch in _normalised(read_batches(parquet), layout, mapping, carried=carried, number=number):
            with _writing(target):
                for piece in _pieces(batch.batch):
                    writer.write_batch(piece)
            rows += batch.rows
            missing += batch.missing
    with reading(file.path):
        if file_hash(file.path) != file.sha256:
            raise FileError(f"{file.path}: changed while it was read: let the export finish first", RejectReason.FILE_CHANGED, "read")
    return Intake(rows, missing, carried)


def _normalised(
    batches: Iterator[pa.RecordBatch], layout: Layout, mapping: InputMapping, *, carried: pa.Schema, number: int
) -> Iterator[Any]:
    first = 0
    for batch in batches:
        yield normalise(batch, layout, mapping, carried=carried, at=(number, first))
        first += batch.num_rows


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows, about PIECE_BYTES at a time: whoever takes them in has no limit for its memory."""
    rows = max(1, batch.num_rows * PIECE_BYTES // max(1, batch.nbytes))
    for first in range(0, batch.num_rows, rows):
        yield batch.slice(first, rows)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """What goes wrong with our own file is not the input's fault."""
    try:
        yield
    except OSError as error:
        raise unwritable(target, error) from error


if __name__ == "__main__":
    serve(_answer)
