"""What do the bytes of a document hold: JSON, text or a table?"""

import codecs
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from scorer.importing.files import MAX_BYTES, UNPACKING
from scorer.importing.source import ImportReason, Kind, SourceError

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
JSON = re.compile(r'\s*(?:\{\s*(?:["}]|$)|\[\s*(?:[\[{"\]]|$))')  # and not "[Agent] words"
DELIMITERS = ",;\t|"
BEYOND = "beyond the first line"  # the name under which a row of CSV has the cells that no column names
XLSX_RATIO = 200
SHEET = (*UNPACKING, InvalidFileException, LookupError, TypeError, AttributeError, ArithmeticError, SyntaxError)  # of damaged files


@dataclass(frozen=True, slots=True)
class Content:
    """A decoded document. `line` counts the lines of JSON Lines from 1, and is None elsewhere."""

    kind: Kind
    value: Any
    line: int | None = None


def decode(content: bytes) -> Iterator[Content | SourceError]:
    """The JSON document, the JSON Lines, the text or the table in the bytes. Errors of single lines come between."""
    if not content.strip(b" \t\r\n\0"):
        yield SourceError(ImportReason.EMPTY_FILE, "no content: export it again")
        return
    if content.startswith(b"PK\x03\x04"):
        yield Content("table", read_workbook(content))
        return
    if content.startswith(b"PAR1"):
        yield SourceError(ImportReason.UNKNOWN_FORMAT, "Parquet already, which needs no import: give it to scorer check and scorer score")
        return
    text = to_text(content)
    if not text.strip():
        yield SourceError(ImportReason.EMPTY_FILE, "no content: export it again")
    elif JSON.match(text):
        yield from _json(text)
    else:
        yield Content("text", text)


def read_lines(path: Path) -> Iterator[Content | SourceError]:
    """The lines of JSON Lines that are too large to be held at once."""
    with path.open("rb") as file:
        for number in range(1, 1 << 62):
            line = file.readline(MAX_BYTES + 1)
            if not line:
                return
            if len(line) > MAX_BYTES:
                yield SourceError(ImportReason.TOO_LARGE, f"line {number} has more than {MAX_BYTES >> 20} MB")
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_BYTES)
            elif line.strip():
                yield _line(line, number)


def to_text(content: bytes) -> str:
    """The text, where the encoding is certain: UTF-8, or what a byte order mark or the zeros of JSON say."""
    for mark, name in BOMS:
        if content.startswith(mark):
            return _decoded(content[len(mark) :], name)
    return _decoded(content, json.detect_encoding(content[:4]))


def parse(text: str) -> Any:
    """The JSON value. Raises SourceError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError(
            ImportReason.BROKEN_JSON, f"line {error.lineno}, column {error.colno}: cut off or damaged, copy it again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise SourceError(ImportReason.BROKEN_JSON, "numbers too long or lists nested too deep") from error


def read_table(text: str) -> list[dict[str, Any]] | None:
    """The rows of CSV text by the names of its first line, None where it is no table."""
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    if delimiter not in first:
        return None
    try:
        rows = list(csv.DictReader(io.StringIO(text.lstrip(), newline=""), restkey=BEYOND, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return [{(name or "").strip(): value for name, value in row.items()} for row in rows if any(row.values())]


def read_workbook(content: bytes) -> list[dict[str, Any]]:
    """The rows of the first sheet of an Excel file by the names of its first row. Raises SourceError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > max(MAX_BYTES, len(content) * XLSX_RATIO):
                raise SourceError(ImportReason.ARCHIVE_LIMIT, "unpacks to more than a sheet of transcripts would")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True)
        names = [str(name or "").strip() for name in next(rows, ())]
        return [dict(zip(names, row, strict=False)) for row in rows if any(cell is not None for cell in row)]
    except SHEET as error:
        raise SourceError(ImportReason.UNKNOWN_FORMAT, f"a zip that is no Excel file ({type(error).__name__}): name it .zip") from error


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        detail = f"not {name} from byte {error.start} on: convert it, for instance with iconv -f latin1 -t utf-8"
        raise SourceError(ImportReason.WRONG_ENCODING, detail) from error


def _json(text: str) -> Iterator[Content | SourceError]:
    try:
        yield Content("json", parse(text))
        return
    except SourceError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        starts = [line.strip()[:1] for line in lines[:3] if _is_json(line)]  # the first of JSON Lines may be damaged
        if lines[0].strip() == "[" or not {"{", "["}.intersection(starts):
            yield error
            return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _line(line, number)


def _line(line: str | bytes, number: int) -> Content | SourceError:
    try:
        return Content("json", parse(line if isinstance(line, str) else to_text(line)), number)
    except SourceError as error:
        return SourceError(error.reason, f"line {number}: {error.detail}")


def _is_json(line: str) -> bool:
    try:
        return isinstance(parse(line), (dict, list))
    except SourceError:
        return False
