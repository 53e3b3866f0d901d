"""Every promise of SECURITY.md stands beside a test that exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)` \|$", SECURITY, re.MULTILINE)


def test_every_promise_names_a_test_that_exists() -> None:
    table = SECURITY.partition("## Each promise")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(NAMED) > 0
    for file, name in NAMED:
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        functions = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
        assert name in functions, f"{file}::{name}"
