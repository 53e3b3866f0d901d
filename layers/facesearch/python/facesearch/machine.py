"""How much of this machine the process may use. In a container, that is less than there is."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def usable_cpus() -> int:
    """CPUs that the process may run on, or its quota of their time if that is less; at least 1."""
    allowed = _allowed_cpus()
    quota = _cpu_quota()
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def usable_memory() -> int | None:
    """Bytes of memory that the process may use; None where the system does not say."""
    limits = [int(text) for text in _limits("memory.max", "memory/memory.limit_in_bytes")]
    if sys.platform != "win32":
        with suppress(ValueError, OSError):
            limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits, default=None)


def _allowed_cpus() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_quota() -> float | None:
    """The smallest quota of the process's control groups, in CPUs; None without one."""
    quotas = []
    for text in _limits("cpu.max", "cpu/cpu.cfs_quota_us"):
        quota, _, period = text.partition(" ")
        quotas.append(int(quota) / int(period or 100_000))
    return min(quotas, default=None)


def _limits(unified: str, legacy: str) -> Iterator[str]:
    """The limits that this process's control group and those above it set.

    `unified` is a file of cgroup version 2, `legacy` the one of version 1, below its controller.
    """
    controller, _, name = legacy.partition("/")
    for folder in _own_groups(controller):
        for file in (folder / unified, folder / name):
            try:
                text = file.read_text("ascii").strip()
            except OSError:
                continue
            if name == "cpu.cfs_quota_us" and file.name == name:
                text = f"{text} {_period(folder)}"
            if text[:1].isdigit() and not text.startswith("0"):
                yield text


def _period(folder: Path) -> str:
    try:
        return (folder / "cpu.cfs_period_us").read_text("ascii").strip()
    except OSError:
        return "100000"


def _own_groups(controller: str) -> Iterator[Path]:
    """The folders of the process's own groups, innermost first, to the root."""
    try:
        lines = OWN_GROUPS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            top = CGROUPS
        elif controller in controllers.split(","):
            top = CGROUPS / controllers
            if not top.is_dir():
                top = CGROUPS / controller
        else:
            continue
        inside = top / path.lstrip("/")
        # A container may see its group's outer name, but the group itself at the root.
        while inside != top and top in inside.parents:
            yield inside
            inside = inside.parent
        yield top
