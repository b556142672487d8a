"""How are the fields of a foreign JSON document checked? As documented by its maker, or not at all."""

import re
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
from pydantic_core import PydanticCustomError

from scorer.importing.source import ImportReason, SourceError

LONGEST_S = 7 * 24 * 3600  # no call lasts a week; a larger number has another unit
SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s?", re.ASCII)
ISO = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?", re.ASCII)

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")
Many = Annotated[tuple[Item, ...], Strict(False)]  # a JSON list; its items stay strict


class Fields(BaseModel):
    """Base of the documents: strict types, no NaN; fields that are not named here are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


def _bad_time(found: Any) -> PydanticCustomError:
    return PydanticCustomError("time", "not a time as this format writes it, but {kind}", {"kind": type(found).__name__})


def _checked(seconds: float) -> float:
    if not 0 <= seconds <= LONGEST_S:
        raise PydanticCustomError("time", "a time below zero or beyond a week")
    return seconds


def _numeric(value: Any, per_second: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _bad_time(value)
    return _checked(value / per_second if abs(value) < 1e18 else -1.0)


def _written(value: Any) -> float:
    found = SECONDS.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise _bad_time(value)
    return _checked(float(found[1]))


def _iso(value: Any) -> float:
    found = ISO.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise _bad_time(value)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return _checked(timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds())


# What is stored is seconds; the name says how the source writes it.
Seconds = Annotated[float, BeforeValidator(lambda value: _numeric(value, 1.0))]
Millis = Annotated[float, BeforeValidator(lambda value: _numeric(value, 1e3))]
Ticks = Annotated[float, BeforeValidator(lambda value: _numeric(value, 1e7))]  # of 100 nanoseconds
WrittenSeconds = Annotated[float, BeforeValidator(_written)]  # "4.87" or "1.200s"
IsoDuration = Annotated[float, BeforeValidator(_iso)]  # "PT4.12S"
Share = Annotated[float, Field(ge=0, le=1)]
WrittenShare = Annotated[float, Field(ge=0, le=1), BeforeValidator(lambda value: float(value) if _is_written_number(value) else value)]
Label = Annotated[str, BeforeValidator(lambda value: f"spk_{value}" if _is_index(value) else value)]  # 0 is spk_0
Channel = Annotated[str, BeforeValidator(lambda value: f"ch_{value}" if _is_index(value) else value)]  # 0 and "0" are ch_0


def check(model: type[Model], document: Any) -> Model:
    """The document as its model. Raises SourceError with the place of the first problems, never with what stands there."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        places = [f"{'.'.join(str(part) for part in problem['loc'])}: {_said(problem)}" for problem in found[:3]]
        reason = ImportReason.BAD_TIMES if any(problem["type"] == "time" for problem in found) else ImportReason.UNEXPECTED_SHAPE
        raise SourceError(reason, "; ".join(places) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")) from error


def _said(problem: Any) -> str:
    """What pydantic says, without the literal values that it may quote."""
    return str(problem["msg"]) if problem["type"] == "time" else str(problem["type"]).replace("_", " ")


def _is_index(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isascii() and value.isdigit())


def _is_written_number(value: Any) -> bool:
    return isinstance(value, str) and bool(SECONDS.fullmatch(value))
