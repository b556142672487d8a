"""What can go wrong on purpose, and which exit code says so."""

import traceback
from enum import IntEnum
from types import TracebackType


class ExitCode(IntEnum):
    """What the shell and the scheduler see."""

    DONE = 0
    FAILED = 1  # expected failure, with advice
    USAGE = 2  # typer's own, too
    BUG = 3
    TOO_MANY_REJECTS = 4
    LOCKED = 75  # EX_TEMPFAIL: try again later
    INTERRUPTED = 130  # SIGINT
    TERMINATED = 143  # SIGTERM


class ScorerError(Exception):
    """An expected failure: where, what was found, what to do. Never carries transcript text."""

    exit_code = ExitCode.FAILED


class UsageError(ScorerError):
    """Options that do not go together, or a value that means nothing."""

    exit_code = ExitCode.USAGE


class ConfigError(ScorerError):
    """A YAML file that cannot be used; lists all its problems."""


class InputError(ScorerError):
    """Input that stops the night before anything is written; lists all problems."""


class ModelError(ScorerError):
    """A model folder that must not be used."""


class ReleaseError(ScorerError):
    """A model that may not go live; names every rule that failed."""


class RunError(ScorerError):
    """A run folder that cannot be written to or read from."""


class LockedError(ScorerError):
    """Another process works on the same run folder."""

    exit_code = ExitCode.LOCKED


class WorkerBugError(ScorerError):
    """A bug of ours in another process; says where, never what the error held."""

    exit_code = ExitCode.BUG


class ReviewError(ScorerError):
    """A review database, an account or an annotation file that cannot be used."""


class RejectBudgetError(ScorerError):
    """The run is complete, but more was rejected, or said by nobody known, than the config allows."""

    exit_code = ExitCode.TOO_MANY_REJECTS


def to_install(extra: str) -> str:
    """The command that adds an extra, from the project's folder."""
    return f".venv/bin/pip install -c requirements.lock -e '.[{extra}]'"


def frames(trace: TracebackType | None) -> list[str]:
    """Where something was raised, a line for each call; never what the error held, for it may quote a transcript."""
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]


def bug(error: Exception) -> str:
    """What is told of an error that nobody expected: its kind and where it was raised."""
    return "\n".join([f"a bug in scorer ({type(error).__name__}); please report these lines:", *frames(error.__traceback__)])


def count_of(number: int, what: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def listing(head: str, problems: list[str]) -> str:
    """One message for many problems, one a line."""
    return "\n".join([head, *(f"  - {problem}" for problem in problems)])
