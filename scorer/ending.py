"""How does a command end that failed: with which exit code, and in which words?"""

import os
from typing import TypeGuard

from scorer.durable import ADVICE
from scorer.errors import ExitCode, bug, to_install
from scorer.log import told


def code_of(error: BaseException | None) -> int:
    """What the shell and the metrics file see."""
    if error is None:
        return ExitCode.DONE
    if isinstance(code := getattr(error, "exit_code", None), int):  # ours, and typer's own
        return int(code)
    if isinstance(error, MemoryError) or _wants_extra(error) or (isinstance(error, OSError) and error.errno in ADVICE):
        return ExitCode.FAILED
    return ExitCode.BUG


def ended(error: BaseException, message: str) -> int:
    """Say it, and return what the shell sees."""
    code = code_of(error)
    told("failed", message, code=code)
    return code


def other(error: Exception) -> str:
    """A disk that failed where nobody looked, a library that is not there, or a bug: where it happened, never what the message held.

    For that may quote a transcript.
    """
    if isinstance(error, OSError) and error.errno in ADVICE:
        return f"{os.strerror(error.errno)}: {ADVICE[error.errno]}"
    if _wants_extra(error):
        what = "the review app wants the extra review, what makes models the extra train"
        return f"{error.name} is not installed: {what}: {to_install('review,train')}"
    return bug(error)


def _wants_extra(error: BaseException) -> TypeGuard[ModuleNotFoundError]:
    return isinstance(error, ModuleNotFoundError) and (error.name or "scorer").partition(".")[0] != "scorer"
