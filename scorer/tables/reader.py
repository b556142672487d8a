"""Which calls are in these files?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from scorer.config import InputMapping
from scorer.errors import InputError, listing
from scorer.records import Call, Reject, RejectReason
from scorer.tables.assemble import Assembler
from scorer.tables.carried import merge_carried, read_layouts
from scorer.tables.files import InputFile, describe_file, open_parquet, read_batches
from scorer.tables.mapping import Layout
from scorer.tables.normalise import normalise
from scorer.tables.spool import Spool


def read_calls(files: Sequence[Path], mapping: InputMapping, *, workdir: Path) -> Iterator[Call | Reject]:
    """Every call of the files, whole, in ascending order of call_id; first the rows that have none, as rejects.

    All files are read to their end before the first call comes.
    Raises InputError with every problem of every file, RunError where workdir is full.
    """
    return iter(CallReader(files, mapping, workdir=workdir))


class CallReader:
    """Reads calls as `read_calls` does, and knows afterwards what it has read.

    `rows_in` is counted from the Arrow columns, apart from the rows of calls and rejects: the two must agree.
    `files` and `carried` are known before the first call comes.
    """

    def __init__(self, files: Sequence[Path], mapping: InputMapping, *, workdir: Path) -> None:
        self._paths = tuple(files)
        self._mapping = mapping
        self._workdir = workdir
        self.rows_in = 0
        self.files: tuple[InputFile, ...] = ()
        self.carried: pa.Schema = pa.schema([])

    def __iter__(self) -> Iterator[Call | Reject]:
        layouts = read_layouts(self._paths, self._mapping)
        self.rows_in = 0
        self.carried = merge_carried(layouts)
        with Spool(self._workdir) as spool:
            missing = self._fill(spool, layouts)
            for path, rows in missing.items():
                yield Reject(RejectReason.CALL_ID_MISSING, str(path), rows=rows, detail="call_id is null, empty or only spaces")
            assembler = Assembler(tuple(str(path) for path in self._paths), self.carried)
            for call_id, found in spool.calls():
                yield assembler.assemble(call_id, found)

    def _fill(self, spool: Spool, layouts: Sequence[Layout]) -> dict[Path, int]:
        """Read every file into the spool; how many rows of which file have no call_id."""
        missing: dict[Path, int] = {}
        described: list[InputFile] = []
        problems: list[str] = []
        for number, layout in enumerate(layouts):
            try:
                described.append(describe_file(layout.path))
                rows = self._spool_file(spool, layout, number)
            except InputError as error:
                problems.append(str(error))
                continue
            if rows:
                missing[layout.path] = rows
        if problems:
            raise InputError(listing(f"input cannot be read: {len(problems)} problem(s)", problems))
        self.files = tuple(described)
        return missing

    def _spool_file(self, spool: Spool, layout: Layout, number: int) -> int:
        missing = first = 0
        with open_parquet(layout.path) as file:
            for batch in read_batches(file):
                found = normalise(batch, layout, self._mapping, carried=self.carried, at=(number, first))
                spool.add(found.batch)
                first += batch.num_rows
                missing += found.missing
                self.rows_in += found.rows
        return missing
