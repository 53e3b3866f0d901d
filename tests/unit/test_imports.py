"""Imports run one way and in no circle: the contracts are in pyproject.toml."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

WRONG = {
    "layers/facesearch/python/facesearch/fields.py": "import tests.unit",
    "layers/local/facesearch_local/grid.py": "import tests.conftest",
    "layers/dependencies/build.py": "import facesearch_local.grid",
    "layers/facesearch/python/facesearch/stores/sqlite/schema.py": (
        "import facesearch.stores.opensearch.queries"
    ),
    "layers/facesearch/python/facesearch/faces.py": "import click",
    "functions/search_faces/search_faces/http.py": "import apsw",
}
"""Imports of the wrong kind, by the file that they are added to."""


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """The contracts over the packages in `root`."""
    # A process of its own: the linter sets logging up anew, and other tests read the log.
    folders = PYPROJECT["tool"]["pytest"]["ini_options"]["pythonpath"]
    ours = {str(ROOT / each) for each in folders} | {""}
    path = [
        *(str(root / each) for each in folders),
        *(each for each in sys.path if each not in ours),
    ]
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "COLUMNS": "200"},  # or it wraps
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_keep_every_contract() -> None:
    ended = lint(ROOT)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_import_of_a_wrong_kind_breaks_a_contract(tmp_path: Path) -> None:
    python = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "*.py", "pyproject.toml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in python:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    assert lint(tmp_path).returncode == 0
    for name, line in WRONG.items():
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    told = lint(tmp_path).stdout
    for line in (
        "facesearch is not allowed to import tests",
        "facesearch_local is not allowed to import tests",
        "layers.dependencies is not allowed to import facesearch_local",
        "facesearch.stores.sqlite is not allowed to import facesearch.stores.opensearch",
        "facesearch is not allowed to import click",
        "search_faces is not allowed to import apsw",
    ):
        assert line in told, told


def test_packages_that_lambda_lacks_are_all_forbidden_to_it() -> None:
    requirements = (ROOT / "layers/dependencies/requirements.in").read_text(encoding="utf-8")
    in_lambda = {
        canonicalize_name(line) for line in requirements.splitlines() if re.match(r"\w", line)
    }
    extras: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
    lists = [PYPROJECT["project"]["dependencies"], *extras.values()]
    local = {canonicalize_name(Requirement(each).name) for list_ in lists for each in list_}
    local -= in_lambda
    modules: dict[str, set[str]] = {}
    for module, places in packages_distributions().items():
        for name in local.intersection(map(canonicalize_name, places)):
            modules.setdefault(name, set()).add(module)
    assert modules.keys() >= {"apsw", "click", "scikit-learn", "pytest"}
    contracts: list[dict[str, Any]] = PYPROJECT["tool"]["importlinter"]["contracts"]
    (forbidden,) = (each["forbidden_modules"] for each in contracts if "Lambda" in each["name"])
    # One of each package's; stubs cannot be imported.
    assert not [
        name
        for name, its in modules.items()
        if all(map(str.isidentifier, its)) and not its.intersection(forbidden)
    ]


def test_app_imports_the_infrastructure_and_the_shared_package_only() -> None:
    tree = ast.parse((ROOT / "app.py").read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"cdk", "facesearch"}
