"""What the README names exists: targets, commands, options, variables, paths, modules."""

import importlib.util
import json
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"`[^`]+`|```[\s\S]*?```", README))


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)", CODE))
    assert named
    assert named <= targets


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^\$ facesearch ([a-z]+(?: [a-z]+)?)", README, re.MULTILINE)))
)
def test_every_command_exists_with_its_options(command: str) -> None:
    words = command.split()
    shown = help_of(words)
    if not shown and len(words) > 1:
        shown = help_of(words[:1])
    assert shown
    for line in re.findall(rf"^\$ facesearch {command}\b(.*)$", README, re.MULTILINE):
        for option in re.findall(r"(?<!\S)--[a-z-]+", line.partition("#")[0]):
            assert option in shown


def help_of(words: list[str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "facesearch_local.cli", *words, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout if ended.returncode == 0 else ""


def test_every_variable_is_read_somewhere() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("layers", "functions", "cdk", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
    ]
    for variable in set(re.findall(r"FACESEARCH_[A-Z_]+|LFW_[A-Z]+", README)):
        assert any(variable in source for source in sources), variable


def test_every_path_exists() -> None:
    paths = re.findall(r"`((?:[\w.-]+/)+[\w.*-]*)`|\]\(([\w./-]+)\)", README)
    named = {one or other for one, other in paths}
    assert named
    # What commands make, and what only exists at AWS.
    elsewhere = (".venv/", "build/", "demo/", "photos/", "wedding/", "DOMAIN_ARN/")
    missing = [
        path for path in named if not path.startswith(elsewhere) and not (ROOT / path).exists()
    ]
    assert not missing


def test_every_module_that_is_run_exists() -> None:
    for module in set(re.findall(r"python -m ([\w.]+)", CODE)) - {"venv", "pip"}:
        assert importlib.util.find_spec(module), module


def test_every_alarm_has_its_page_in_the_runbook() -> None:
    alarms = re.findall(r'"([A-Z][A-Za-z]+)",$', (ROOT / "cdk/alarms.py").read_text(), re.MULTILINE)
    assert len(alarms) >= 8
    for alarm in alarms:
        assert f"#### {alarm}\n" in README, alarm


def test_every_setting_of_the_stack_is_in_the_table() -> None:
    settings = (ROOT / "cdk/settings.py").read_text()
    fields = settings[settings.index("class StageSettings") : settings.index("def sizing")]
    names = re.findall(r"^    ([a-z_]+): ", fields, re.MULTILINE)
    assert "domain_endpoint" in names
    for name in names:
        assert f"`{name}`" in README, name


def test_the_costs_are_what_the_plan_says() -> None:
    (row,) = re.findall(r"^\| USD a month \| (.*) \|$", README, re.MULTILINE)
    (sizes,) = re.findall(r"^\| faces \| (10k .*) \|$", README, re.MULTILINE)
    for faces, told in zip(sizes.split(" | "), row.split(" | "), strict=True):
        command = ["plan", "--faces", faces, "--searches", "10", "--json"]
        ended = subprocess.run(
            [sys.executable, "-m", "facesearch_local.cli", *command],
            capture_output=True,
            text=True,
            check=True,
        )
        assert told == f"{json.loads(ended.stdout)['usd_a_month']:,.0f}"


def test_accuracy_is_that_of_the_whole_report() -> None:
    results = (ROOT / "tests/evaluation/RESULTS.md").read_text(encoding="utf-8")
    identified, verified = table(results, "rank-1"), table(results, "AUC")
    shown = table(README, "LFW's 6,000 pairs")
    assert {"whole-image", "face-crop", "facenet-report", "facenet"} <= shown.keys()
    for system, row in shown.items():
        found = {**identified[system], **verified[system]}
        names = ("rank-1", "recall@20", "mAP@20", "accuracy", "ten queries", "ms a photo")
        assert list(row.values()) == [found[name] for name in names], system


def table(page: str, column: str) -> dict[str, dict[str, str]]:
    """Rows by system, of the first table that has such a column."""
    lines = iter(page.splitlines())
    header = next(cells for line in lines if column in (cells := cells_of(line)))
    next(lines)
    rows = (cells_of(line) for line in takewhile(lambda line: line.startswith("|"), lines))
    return {
        re.sub(r"`([^`]*)`.*", r"\1", name): dict(zip(header[1:], figures, strict=True))
        for name, *figures in rows
    }


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
