"""How many CPUs and how much memory a process may use, as control groups say it."""

import os
import sys
from pathlib import Path

import pytest

from facesearch import machine
from facesearch.settings import Settings
from facesearch_local.pool import worker_count


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system of control groups, of a machine with 64 CPUs; empty: no limit."""
    folder = tmp_path / "cgroup"
    folder.mkdir()
    monkeypatch.setattr(machine, "CGROUPS", folder)
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [("max 100000", 64), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1)],
)
def test_quota_of_version_2_bounds_the_cpus(groups: Path, quota: str, cpus: int) -> None:
    write(groups.parent / "own", "0::/")
    write(groups / "cpu.max", quota)
    assert machine.usable_cpus() == cpus


def test_least_quota_of_the_groups_above_counts(groups: Path) -> None:
    write(groups.parent / "own", "0::/kubepods/pod1/container")
    write(groups / "kubepods/pod1/container/cpu.max", "max 100000")
    write(groups / "kubepods/pod1/cpu.max", "300000 100000")
    write(groups / "kubepods/pod1/memory.max", str(2**31))
    assert machine.usable_cpus() == 3
    assert machine.usable_memory() == 2**31


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 64), ("50000", 1), ("400000", 8)])
def test_quota_of_version_1_bounds_the_cpus(groups: Path, quota: str, cpus: int) -> None:
    # As in a Docker container: the outer name, while the group itself is at the root.
    write(groups.parent / "own", "5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123")
    write(groups / "cpu,cpuacct/cpu.cfs_quota_us", quota)
    write(groups / "cpu,cpuacct/cpu.cfs_period_us", "50000")
    write(groups / "memory/memory.limit_in_bytes", str(2**30))
    assert machine.usable_cpus() == cpus
    assert machine.usable_memory() == 2**30


def test_affinity_bounds_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert machine.usable_cpus() == 1
    assert Settings.from_env({}).threads == 1


def test_machine_without_control_groups_tells_its_own(
    groups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.usable_cpus() == 64
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.usable_cpus() == 1
    monkeypatch.setattr(sys, "platform", "win32")
    assert machine.usable_memory() is None


@pytest.mark.parametrize(("memory", "workers"), [(2**31, 3), (2**28, 1), (2**40, 64)])
def test_memory_bounds_the_workers(
    groups: Path, monkeypatch: pytest.MonkeyPatch, memory: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: 2**40 if name == "SC_PHYS_PAGES" else 1)
    write(groups.parent / "own", "0::/")
    write(groups / "memory.max", str(memory))
    assert worker_count(machine.usable_cpus()) == workers
