"""`tests.benchmarks.bench_scale` looks at its arguments before it starts anything."""

import pytest

from tests.benchmarks import bench_scale


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faces", "0"], "0 faces are too few: use 1,000"),
        (["--faces", "10"], "10 faces are too few"),
        (["--faces", "abc"], "'abc' is not a number"),
        (["--faces", "3M", "--extend", "1G"], "'1G' is not a number"),
        (["--faces", "1M", "--extend", "3M"], "name ever larger sizes, all of fewer"),
        (["--faces", "10M", "--extend", "3M", "--extend", "1M"], "name ever larger sizes"),
        (["--probes", "0"], "'0' is not a number of 1 or more"),
        (["--ef", "-1"], "'-1' is not a number of 1 or more"),
        (["--json", "/nowhere/x.json"], "there is no such folder"),
        (["--server", "http://127.0.0.1:1"], "--server: "),
    ],
)
def test_sizes_that_make_no_sense_are_refused(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["bench_scale", *arguments])
    with pytest.raises(SystemExit, match="2"):
        bench_scale.main()
    assert message in capsys.readouterr().err
