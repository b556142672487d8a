"""Which format does a document have? By its structure, with the rule that says so; never by its name, never by a guess."""

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from scorer.errors import InputError
from scorer.importing import formats
from scorer.importing.decode import Content, read_table
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceError

# How services report a failure where a transcript was expected: the paths that say so.
ERRORS = (
    ("error.code", "error.message"),
    ("error.message",),
    ("err_code", "err_msg"),
    ("__type", "message"),
    ("FailureReason",),
    ("code", "message", "status"),
    ("errors[]", "message"),
    ("Error.Code",),
)


@cache
def known_formats() -> tuple[Format, ...]:
    """Every format: a module of scorer/importing/formats/ has one, called FORMAT."""
    names = sorted(module.name for module in pkgutil.iter_modules(formats.__path__))
    modules = [importlib.import_module(f"{formats.__name__}.{name}") for name in names]
    return tuple(format_ for module in modules if isinstance(format_ := getattr(module, "FORMAT", None), Format))


def format_called(name: str) -> Format:
    """The format of that name. Raises InputError with the names there are."""
    for known in known_formats():
        if known.name == name:
            return known
    raise InputError(f"there is no format {name!r}: choose auto or one of {', '.join(known.name for known in known_formats())}")


def recognise(content: Content, options: ReadOptions) -> tuple[Format, Any]:
    """The one format that fits, and the value as its `read` wants it.

    Raises SourceError where none fits, where several do, or where the document reports an error of its service.
    """
    found = [(known, value) for known in known_formats() if (value := _fitting(known, content, options)) is not None]
    if len(found) == 1:
        return found[0]
    if found:
        detail = " and ".join(f"{known.name} ({known.rule_text()})" for known, _ in found)
        raise SourceError(ImportReason.AMBIGUOUS_FORMAT, f"fits {detail}: name one with --format")
    if content.kind == "json" and any(all(has_path(content.value, path) for path in paths) for paths in ERRORS):
        raise SourceError(ImportReason.ERROR_DOCUMENT, "the service's report of a failure, not a transcript: run the job again")
    others = {
        "text": "; other marks of speakers need --speaker-pattern, other columns of a CSV --config",
        "table": "; other columns need --config",
    }
    advice = f"see the README's table of formats, or name one with --format{others.get(content.kind, '')}"
    raise SourceError(ImportReason.UNKNOWN_FORMAT, f"no format fits this {content.kind}: {advice}")


def value_for(known: Format, content: Content) -> Any:
    """The value as a named format's `read` wants it. Raises SourceError where it is of another kind."""
    value = content.value
    if known.kind == "table" and content.kind == "text":
        value = read_table(content.value)
    elif known.kind != content.kind:
        value = None
    if value is None:
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, f"{known.name} is {known.kind}, this document is {content.kind}")
    return value


def has_path(value: Any, path: str) -> bool:
    """Whether a path such as `results.channels[].alternatives` leads somewhere; [] is the first item of a list."""
    for part in path.split("."):
        name = part.removesuffix("[]")
        if name and (not isinstance(value, dict) or value.get(name) is None):
            return False
        value = value[name] if name else value
        if part.endswith("[]"):
            if not isinstance(value, list) or not value:
                return False
            value = value[0]
    return True


def items_of(value: Any) -> Sequence[Any] | None:
    """The documents of a JSON list of documents, None for anything else."""
    return value if isinstance(value, list) and value and all(isinstance(item, dict) for item in value) else None


def is_row(value: Any, options: ReadOptions) -> bool:
    """Whether a JSON object is a segment with the id of its call, under the columns' names of the settings."""
    names = [options.columns[name] for name in ("call_id", "speaker", "text")]
    return isinstance(value, dict) and all(name in value and not isinstance(value[name], (list, dict)) for name in names)


def _fitting(known: Format, content: Content, options: ReadOptions) -> Any:
    """The value for `known` where it fits, else None."""
    if any(has_path(content.value, path.removeprefix("!")) == path.startswith("!") for path in known.rule):
        return None
    try:
        value = value_for(known, content)
    except SourceError:
        return None
    return value if known.fits is None or known.fits(value, options) else None
