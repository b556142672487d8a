"""How many cores may this process really use?"""

import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def usable_cores(cgroups: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """The cores that the process may run on, or fewer where its container has a smaller quota of time; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *(int(quota) for quota in _quotas(cgroups, membership))]))


def _quotas(cgroups: Path, membership: Path) -> list[float]:
    """Cores' worth of time that the process's control group and those above it allow."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    inside = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    groups = [cgroups / inside, *(cgroups / parent for parent in Path(inside).parents)]
    return [quota for group in groups if (quota := _quota(group / "cpu.max")) is not None]


def _quota(path: Path) -> float | None:
    try:
        allowed, period = path.read_text(encoding="utf-8").split()
        return int(allowed) / int(period)
    except (OSError, ValueError):
        return None  # no such file, or "max"
