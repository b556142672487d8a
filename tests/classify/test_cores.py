import os
from pathlib import Path

import pytest

from scorer.classify.cores import usable_cores

ALLOWED = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("above", "own", "cores"),
    [
        ("max 100000", "max 100000", ALLOWED),
        ("max 100000", "100000 100000", 1),
        ("150000 100000", "max 100000", 1),
        ("max 100000", "10000 100000", 1),
        ("max 100000", "100000000 100000", ALLOWED),
    ],
)
def test_a_container_s_quota_bounds_the_cores(tmp_path: Path, above: str, own: str, cores: int) -> None:
    (tmp_path / "pod" / "job").mkdir(parents=True)
    (tmp_path / "pod" / "cpu.max").write_text(above + "\n")
    (tmp_path / "pod" / "job" / "cpu.max").write_text(own + "\n")
    (tmp_path / "membership").write_text("0::/pod/job\n")

    assert usable_cores(tmp_path, tmp_path / "membership") == min(cores, ALLOWED)


def test_without_control_groups_the_affinity_decides(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, tmp_path / "missing") == ALLOWED
