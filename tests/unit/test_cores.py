"""How many cores a process may use: by affinity and by the quota of its control groups."""

import subprocess
import sys
from pathlib import Path

import pytest

from facesearch_local.cores import quotas, usable_cores


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has affinities")
def test_process_held_to_one_core_may_use_one() -> None:
    """Whatever the host has: 64 workers in a container of one core took 12 GB."""
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from facesearch_local.cores import usable_cores; print(usable_cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert usable_cores() >= 1


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, [1.5]),
        ("0::/\n", {"cpu.max": "max 100000\n"}, []),
        # The nearest group may have no limit, and the one above it one.
        (
            "0::/user.slice/app\n",
            {"user.slice/app/cpu.max": "max 100000", "user.slice/cpu.max": "200000 100000"},
            [2],
        ),
        # The name outside of a container means nothing within.
        ("0::/../../docker/abc\n", {"cpu.max": "50000 100000"}, [0.5]),
        (
            "5:cpuset:/\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"},
            [3],
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, []),
        ("", {}, []),
    ],
)
def test_quota_is_that_of_the_group_and_of_those_above_it(
    tmp_path: Path, membership: str, files: dict[str, str], expected: list[float]
) -> None:
    for name, text in {"membership": membership, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(quotas(tmp_path, tmp_path / "membership")) == expected
