"""How is what was not imported told? A CSV beside the table, with the reason for each."""

import csv
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from scorer.errors import RunError
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
    """Writes rejects as they come. Raises RunError where the file cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("w", encoding="utf-8", newline="", errors="backslashreplace")
        except OSError as error:
            raise RunError(f"{self._path}: cannot be written ({error.strerror}): check space and permissions") from error
        self._table = csv.writer(self._file)
        self._table.writerow(["source", "call_id", "format", "reason", "detail"])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def add(self, reject: ImportReject) -> None:
        """Write one reject."""
        self._table.writerow([reject.source, reject.call_id, reject.format, reject.reason.value, reject.detail])


def rejects_path(out: Path) -> Path:
    """Where the rejects of an import are; the leading _ keeps a night from reading them."""
    return out.with_name(f"_{out.stem}.rejects.csv")
