"""Bundle the page's files for deployment: a visit is a few requests instead of sixteen.

`facesearch serve` serves the sources. Here the modules are written one after the other into one,
the files are named after their content, and browsers keep them for good.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePath

from cdk.assets import BYTE_CODE

ENTRIES = ("app.js", "resize.js")
"""Modules that others do not import: the page's, and its worker's."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|let|class|function)\b)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:async )?(?:const|let|class|function\*?) (\w+|\$)", re.MULTILINE)
_PRELOAD = re.compile(r'<link rel="modulepreload" href="[^"]*">\n')


def bundle_code(package: Path, target: Path) -> Path:
    """Copy a function's folder to `target`, with its page bundled. Returns `target`."""
    # What an earlier synthesis left there, hashed names and all, would be bundled again.
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns(*(pattern.removeprefix("**/") for pattern in BYTE_CODE))
    shutil.copytree(package, target, ignore=ignored)
    for page in target.glob("*/page"):
        files = bundle({path.name: path.read_text("utf-8") for path in page.iterdir()})
        shutil.rmtree(page)
        page.mkdir()
        for name, text in files.items():
            (page / name).write_text(text, "utf-8")
    return target


def bundle(sources: Mapping[str, str]) -> dict[str, str]:
    """The files to serve for the page's `sources`, by name: as few as can be.

    All but `index.html` have their content's hash in their name. Raises `ValueError` for modules
    that cannot stand in one scope.
    """
    texts = {name: text for name, text in sources.items() if not name.endswith(".js")}
    texts |= {entry: _one_module(sources, entry) for entry in ENTRIES}
    page = _PRELOAD.sub("", texts.pop("index.html"))
    named: dict[str, str] = {}
    # What others refer to first: the worker is named in the page's module.
    for name in sorted(texts, key=lambda each: each == "app.js"):
        text = texts[name]
        for plain, hashed in named.items():
            text = text.replace(f'"{plain}"', f'"{hashed}"')
        hashed = _hashed(name, text)
        named[name] = hashed
        texts[name] = text
        page = page.replace(f'"page/{name}"', f'"page/{hashed}"')
    return {"index.html": page, **{named[name]: text for name, text in texts.items()}}


def _hashed(name: str, text: str) -> str:
    path = PurePath(name)
    return f"{path.stem}.{sha256(text.encode()).hexdigest()[:12]}{path.suffix}"


def _one_module(sources: Mapping[str, str], entry: str) -> str:
    """The module and all that it imports, in the order in which a browser runs them."""
    order = list(dict.fromkeys(_with_imports(sources, entry)))
    texts = [_EXPORT.sub("", _IMPORT.sub("", sources[name])) for name in order]
    declared: dict[str, str] = {}
    for name, text in zip(order, texts, strict=True):
        if left := re.search(r"^(?:import|export)\b.*", text, re.MULTILINE):
            raise ValueError(f"page/{name}: '{left[0]}' cannot be bundled: import and export names")
        for top in _DECLARED.findall(text):
            if top in declared:
                raise ValueError(f"page/{name} and page/{declared[top]} both declare {top}")
            declared[top] = name
    return "".join(texts)


def _with_imports(sources: Mapping[str, str], name: str) -> Iterator[str]:
    """The modules that a module imports, the deepest first, then itself."""
    for imported in _IMPORT.findall(sources[name]):
        yield from _with_imports(sources, imported)
    yield name
