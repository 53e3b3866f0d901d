"""How many processor cores this process may use, which in a container are fewer than there are."""

import os
from collections.abc import Iterable
from math import ceil
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
CGROUP_OF_THIS_PROCESS = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """By affinity (taskset, Slurm, cpusets) and by quota (docker --cpus, systemd); 1 at least."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *map(ceil, quotas(CGROUPS, CGROUP_OF_THIS_PROCESS))]))


def quotas(root: Path, membership: Path) -> Iterable[float]:
    """Cores' worth of time that control groups allow: this process's own and those above it."""
    for line in _lines(membership):
        _, controllers, name = line.split(":", 2)
        # A container may be told its name outside of it: no such folder is seen here, the root is.
        if controllers == "":
            for group in _upwards(root, name):
                quota, _, period = _text(group / "cpu.max").partition(" ")
                if quota.isdecimal():
                    yield int(quota) / int(period)
        elif "cpu" in controllers.split(","):
            for group in _upwards(root / "cpu", name):
                quota = _text(group / "cpu.cfs_quota_us")
                if quota.isdecimal():
                    yield int(quota) / int(_text(group / "cpu.cfs_period_us"))


def _upwards(root: Path, name: str) -> Iterable[Path]:
    group = root / name.strip().lstrip("/")
    return [group, *(each for each in group.parents if each == root or root in each.parents)]


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()


def _text(path: Path) -> str:
    """Nothing where there is no such file: on other systems, and where a group sets no limit."""
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""
