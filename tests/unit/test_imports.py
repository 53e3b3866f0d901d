"""Imports run one way and in no circle: the contracts are in pyproject.toml."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_imports_keep_every_contract(capsys: pytest.CaptureFixture[str]) -> None:
    code = lint_imports(str(PROJECT), no_cache=True, no_logo=True)
    assert code == 0, capsys.readouterr().out
