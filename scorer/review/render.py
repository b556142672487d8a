"""How does a value become a page? Templates in pages/, everything escaped unless a template of ours wrote it."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scorer.labels import plain
from scorer.review.masks import visible
from scorer.review.shrink import Shrunk

PAGES = Path(__file__).parent / "pages"


def render(page: str, **values: Any) -> str:
    """The page with the values in it. Every string among them is escaped."""
    return _environment().get_template(page).render(**values)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, finalize=harmless, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= {"plain": plain, "percent": percent, "number": number, "rate": rate_words, "moment": moment}
    return found


def harmless(value: Any) -> Any:
    """What a page shows of a value from outside: no characters that deceive, wherever it comes from."""
    return visible(value, masked=False) if isinstance(value, str) and not isinstance(value, Markup) else value


def percent(share: float | None, unknown: str = "no chance") -> str:
    """A share as whole percent; below 10 % with one digit."""
    if share is None:
        return unknown
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def number(value: float | None) -> str:
    """A score with one digit; a dash where there is none."""
    return "–" if value is None else f"{value:.1f}"


def moment(at: str) -> str:
    """A time of the database to the minute, with its zone."""
    return f"{at[:16].replace('T', ' ')} UTC"


def rate_words(rate: Shrunk) -> str:
    """A rate with interval and n in words."""
    return f"{percent(rate.mean)} ({percent(rate.low)} to {percent(rate.high)}), {rate.tally.hits} of {rate.tally.chances}"
