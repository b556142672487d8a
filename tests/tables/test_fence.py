"""What is done behind a fence ends with whoever asked for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scorer.tables.fence import Fence, serve


def dawdle(question: str) -> str:
    """Says who it is, and takes very long."""
    Path(question.strip()).write_text(str(os.getpid()), encoding="ascii")
    time.sleep(600)
    return ""


@pytest.mark.slow
def test_a_reader_ends_when_its_run_is_killed(tmp_path: Path) -> None:
    sign = tmp_path / "pid"
    run = subprocess.Popen([sys.executable, __file__, sign], env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)})
    until = time.monotonic() + 60
    while not (sign.exists() and sign.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    reader = int(sign.read_text())

    run.kill()

    run.wait()
    while Path(f"/proc/{reader}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    try:
        assert not Path(f"/proc/{reader}").exists()
    finally:
        if Path(f"/proc/{reader}").exists():
            os.kill(reader, signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        serve(dawdle)
    else:
        with Fence("test_fence", memory_mb=1024, seconds=900) as fence:
            fence.ask(sys.argv[1])
