"""Each test that tests/PHOTOS.md names exists, and every point of the subject has a row."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "tests/PHOTOS.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| ([A-D]\d?|stores) \|", line)
]
NAMED = [test for *_, cell in ROWS for test in re.findall(r"`(tests/[^`]+)`", cell)]
POINTS = {
    *(f"{part}{n}" for part, last in (("A", 5), ("B", 4), ("C", 6)) for n in range(1, last + 1)),
    "D",
    "stores",
}


def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("test", NAMED)
def test_every_test_that_the_page_names_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert (ROOT / path).is_file()
    assert name in functions_of(path)


def test_every_row_names_its_test() -> None:
    assert len(ROWS) > 80
    assert [row for row in ROWS if len(row) != 4 or "::" not in row[3]] == []
    assert len(NAMED) == len(ROWS)


def test_every_point_has_a_row() -> None:
    assert {point for point, *_ in ROWS} == POINTS
