"""How is what was not imported told? A CSV beside the table, with the reason for each."""

import csv
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from scorer.durable import publish, unwritable
from scorer.importing.source import ImportReason


@dataclass(frozen=True, slots=True)
class ImportReject:
    """A document, or a call in it, that is not imported. Holds no transcript text."""

    source: str
    call_id: str | None
    format: str | None
    reason: ImportReason
    detail: str


class RejectList:
    """Writes rejects as they come; the file has its name only after the `with` block ended well.

    Raises RunError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._staging = path.with_name(f".{path.name}.part")

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._staging.open("w", encoding="utf-8", newline="", errors="backslashreplace")
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._table = csv.writer(self._file)
        self._table.writerow(["source", "call_id", "format", "reason", "detail"])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._file.close()
            if error is None:
                publish(self._staging, self._path)
        except OSError as problem:
            if error is None:
                raise unwritable(self._path, problem) from problem
        finally:
            self._staging.unlink(missing_ok=True)

    def add(self, reject: ImportReject) -> None:
        """Write one reject."""
        try:
            self._table.writerow([reject.source, reject.call_id, reject.format, reject.reason.value, reject.detail])
        except OSError as error:
            raise unwritable(self._path, error) from error


def rejects_path(out: Path) -> Path:
    """Where the rejects of an import are; the leading _ keeps a night from reading them."""
    return out.with_name(f"_{out.stem}.rejects.csv")
