"""What the documents name exists: targets, commands, options, variables, paths, modules, links."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import fields
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from cdk.settings import StageSettings

ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(
        {
            *ROOT.glob("*.md"),
            *ROOT.glob("*/README.md"),
            *ROOT.glob("tests/*/README.md"),
        }
    )
}
COMMANDS = sorted(
    {
        command
        for text in DOCUMENTS.values()
        for command in re.findall(r"^\$ facesearch ([a-z]+(?: [a-z]+)?)", text, re.MULTILINE)
    }
)
README_LINES = 150
# What commands make, and what only exists at AWS or in an example.
ELSEWHERE = (
    *(".venv/", "build/", "demo/", "photos/", "wedding/", "DOMAIN_ARN/", "peer/"),
    *("tests/unit/test_X.py",),
)

TRACKED = subprocess.run(
    ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True
).stdout.splitlines()

each_document = pytest.mark.parametrize("document", DOCUMENTS)


def code_of(text: str) -> str:
    return "\n".join(re.findall(r"`[^`]+`|```[\s\S]*?```", text))


def test_readme_is_one_page() -> None:
    assert len(DOCUMENTS["README.md"].splitlines()) <= README_LINES


@each_document
def test_every_make_target_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", code_of(DOCUMENTS[document]))) <= targets


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists_with_its_options(command: str) -> None:
    words = command.split()
    shown = help_of(words)
    if not shown and len(words) > 1:
        shown = help_of(words[:1])
    assert shown
    for text in DOCUMENTS.values():
        for line in re.findall(rf"^\$ facesearch {command}\b(.*)$", text, re.MULTILINE):
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
    for text in DOCUMENTS.values():
        for variable in set(re.findall(r"FACESEARCH_[A-Z_]+|LFW_[A-Z]+", text)):
            assert any(variable in source for source in sources), variable


@each_document
def test_every_path_exists(document: str) -> None:
    text = DOCUMENTS[document]
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.*-]*)`", text))
    named = {path.rstrip("/").replace("*", "") for path in named if not path.startswith(ELSEWHERE)}
    # From the top, or from the subject's folder.
    assert not [path for path in named if not any(f"/{path}" in f"/{each}" for each in TRACKED)]
    folder = (ROOT / document).parent
    for link in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text):
        assert (folder / link).exists(), link


@each_document
def test_every_section_that_is_linked_to_exists(document: str) -> None:
    folder = (ROOT / document).parent
    for page, section in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", DOCUMENTS[document]):
        path = (folder / page).resolve() if page else ROOT / document
        titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert section in anchors, f"{page}#{section}"


@each_document
def test_every_module_that_is_run_exists(document: str) -> None:
    modules = set(re.findall(r"python -m ([\w.]+)", code_of(DOCUMENTS[document])))
    if document == "CHANGELOG.md":
        return  # it names what was, too
    for module in modules - {"venv", "pip"}:
        assert importlib.util.find_spec(module), module


def test_every_setting_of_the_stack_is_in_the_table() -> None:
    for field in fields(StageSettings):
        assert f"`{field.name}`" in DOCUMENTS["cdk/README.md"], field.name


def test_decision_compares_with_what_the_plan_says_of_the_index() -> None:
    decision = (ROOT / "cdk/decisions/0001-where-vectors-live.md").read_text()
    rows = re.findall(r"^\| (\d+[kM]) \| (\d+) \| (\d+) \|", decision, re.MULTILINE)
    assert [faces for faces, *_ in rows] == ["10k", "1M", "10M"]
    for faces, *told in rows:
        for stage, usd in zip(("small", "prod"), told, strict=True):
            lines = plan(faces, "1", f"--stage={stage}")["costs"]
            index = sum(each["usd"] for each in lines if each["what"].startswith("index: "))
            assert int(usd) == round(index), (faces, stage)


def test_the_costs_are_what_the_plan_says() -> None:
    operating = DOCUMENTS["cdk/README.md"]
    (row,) = re.findall(r"^\| USD a month \| (.*) \|$", operating, re.MULTILINE)
    (sizes,) = re.findall(r"^\| faces \| (10k .*) \|$", operating, re.MULTILINE)
    for faces, documented in zip(sizes.split(" | "), row.split(" | "), strict=True):
        assert documented == f"{plan(faces, '10')['usd_a_month']:,.0f}"


def plan(faces: str, searches: str, *options: str) -> Any:
    command = ["plan", "--faces", faces, "--searches", searches, "--json", *options]
    ended = subprocess.run(
        [sys.executable, "-m", "facesearch_local.cli", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ended.stdout)


@pytest.mark.parametrize("document", ["README.md", "tests/evaluation/README.md"])
def test_accuracy_is_that_of_the_whole_report(document: str) -> None:
    results = (ROOT / "tests/evaluation/RESULTS.md").read_text(encoding="utf-8")
    identified, verified = table(results, "rank-1"), table(results, "AUC")
    shown = table(DOCUMENTS[document], "LFW's 6,000 pairs")
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
