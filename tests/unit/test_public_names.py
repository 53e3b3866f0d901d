"""The public names: there, typed, documented by use, and imported only when asked for."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import facesearch
from facesearch import (
    FacePipeline,
    Photos,
    PhotoToIndex,
    Scope,
    Settings,
    index_photos,
    open_store,
    search_photo,
)

ROOT = Path(__file__).parents[2]
PACKAGE = Path(facesearch.__file__).parent


@pytest.mark.parametrize("name", facesearch.PUBLIC)
def test_public_name_is_the_thing_where_it_is(name: str) -> None:
    home = import_module(f"facesearch.{facesearch.PUBLIC[name]}")
    assert getattr(facesearch, name) is getattr(home, name)
    assert name in dir(facesearch)


def test_type_checkers_see_the_same_names_from_the_same_places() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    seen = {
        alias.name: str(node.module).removeprefix("facesearch.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("facesearch.")
        for alias in node.names
    }
    assert seen == facesearch.PUBLIC
    assert (PACKAGE / "py.typed").exists()


def test_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = facesearch.nonsense  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_else_of_it_nor_anything_large() -> None:
    script = "import sys, facesearch; print(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "facesearch" in printed
    assert [each for each in printed if each.startswith("facesearch.")] == []
    assert {"numpy", "onnxruntime", "PIL", "boto3"}.isdisjoint(printed)


def test_photos_indexed_and_searched_by_public_names_alone(
    pipeline: FacePipeline, sample: Path, tmp_path: Path
) -> None:
    photos = sorted((sample / "train/elton_john").iterdir())[:3]
    changes = [PhotoToIndex(path.as_uri(), sequence=1) for path in photos]
    with open_store(f"sqlite:///{tmp_path}/faces.db", pipeline.recipe) as store:
        index_photos(changes, Photos().read, pipeline, store)
        query = (sample / "val/elton_john/elton_john_01.jpg").read_bytes()
        found = search_photo(query, pipeline, store, Scope(k=2))
    assert [match.distance < 1 for match in found.results[0].matches] == [True, True]
    assert Settings.from_env({}).store_url
