"""How does a command end that failed: with which exit code, and in which words?"""

import os

from scorer.durable import ADVICE
from scorer.errors import ExitCode, bug
from scorer.log import told


def code_of(error: BaseException | None) -> int:
    """What the shell and the metrics file see."""
    if error is None:
        return ExitCode.DONE
    if isinstance(code := getattr(error, "exit_code", None), int):  # ours, and typer's own
        return int(code)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in ADVICE):
        return ExitCode.FAILED
    return ExitCode.BUG


def ended(error: BaseException, message: str) -> int:
    """Say it, and return what the shell sees."""
    code = code_of(error)
    told("failed", message, code=code)
    return code


def other(error: Exception) -> str:
    """A disk that failed where nobody looked, or a bug: where it happened, never what the message held, for it may quote a transcript."""
    if isinstance(error, OSError) and error.errno in ADVICE:
        return f"{os.strerror(error.errno)}: {ADVICE[error.errno]}"
    return bug(error)
