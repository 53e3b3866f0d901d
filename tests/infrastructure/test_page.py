"""The page as it is deployed: few files, named after their content, small."""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from cdk.assets import FUNCTIONS
from cdk.page import bundle, bundle_code
from tests.infrastructure.template import Template

PACKAGE = FUNCTIONS / "search_faces"
SOURCES = {
    path.name: path.read_text("utf-8") for path in (PACKAGE / "search_faces" / "page").iterdir()
}
MOST_BYTES = 40_000


@pytest.fixture
def deployed(dev: Template) -> Mapping[str, str]:
    """The page's files in the function's asset."""
    code = dev.path.parent / dev.function("search_faces")["Metadata"]["aws:asset:path"]
    return {
        path.name: path.read_text("utf-8") for path in (code / "search_faces" / "page").iterdir()
    }


def test_deployed_page_is_four_files_and_a_worker_of_40_kb_at_most(
    deployed: Mapping[str, str],
) -> None:
    kinds = sorted(re.sub(r"\.[0-9a-f]{12}\.", ".", name) for name in deployed)
    assert kinds == ["app.css", "app.js", "icon.svg", "index.html", "resize.js"]
    assert sum(len(gzip.compress(text.encode())) for text in deployed.values()) <= MOST_BYTES


def test_deployed_files_refer_to_one_another_by_their_new_names(
    deployed: Mapping[str, str],
) -> None:
    page = deployed["index.html"]
    named = set(re.findall(r'"page/([^"]+)"', page))
    for text in deployed.values():
        named |= set(re.findall(r'new URL\("([^"]+\.js)"', text))
        assert "modulepreload" not in text
        assert not re.search(r'^\s*(import|export) .*"\./', text, re.MULTILINE)
    assert named == set(deployed) - {"index.html"}


def test_bundle_holds_all_that_the_modules_say(deployed: Mapping[str, str]) -> None:
    bundled = "".join(text for name, text in deployed.items() if name.endswith(".js"))
    for name, source in SOURCES.items():
        if name.endswith(".js"):
            lines = [line for line in source.splitlines() if not line.startswith("import ")]
            for line in lines:
                assert line.removeprefix("export ") in bundled or "resize.js" in line, name


def test_name_changes_with_the_content_of_what_is_behind_it() -> None:
    before = set(bundle(SOURCES))
    changed = {**SOURCES, "jpeg.js": SOURCES["jpeg.js"] + "// new\n"}
    after = set(bundle(changed))
    # The worker's own module, and the page's, which names the worker.
    gone = sorted(name.partition(".")[0] for name in before - after)
    assert gone == ["app", "resize"]


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("api.js", "const holds = 1;\n", "both declare holds"),
        ("api.js", "export default 1;\n", "'export default 1;' cannot be bundled"),
        ("api.js", 'import * as all from "./dom.js";\n', "cannot be bundled"),
    ],
)
def test_what_cannot_be_bundled_is_refused(name: str, more: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        bundle({**SOURCES, name: SOURCES[name] + more})


def test_code_beside_the_page_is_deployed_as_it_is(tmp_path: Path) -> None:
    copied = bundle_code(PACKAGE, tmp_path / "bundled")

    def others(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "page" not in path.parts and "__pycache__" not in path.parts
        }

    assert others(copied) == others(PACKAGE)


def test_bundling_again_to_the_same_folder_makes_the_same_files(tmp_path: Path) -> None:
    def files() -> dict[str, bytes]:
        found = bundle_code(PACKAGE, tmp_path / "bundled").rglob("*")
        return {
            str(path.relative_to(tmp_path)): path.read_bytes() for path in found if path.is_file()
        }

    assert files() == files()
