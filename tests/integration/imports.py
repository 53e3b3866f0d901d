"""Which modules a program may import, found in its source: those inside functions, too."""

import ast
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path


def reachable_imports(files: Iterable[Path], package: str, never: frozenset[str]) -> set[str]:
    """`module` or `module:name` for every import in `files` and, through them, in `package`.

    Modules named in `never` are left out, with what only they import.
    """
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(files)
    while waiting:
        for wanted in _imports(waiting.pop()):
            module, _, name = wanted.partition(":")
            if module in never:
                continue
            found.add(wanted)
            for each in {module, f"{module}.{name}"} - seen:
                seen.add(each)
                if each.partition(".")[0] == package and (file := _source(each)):
                    waiting.append(file)
    return found


def _source(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None  # a name in a module, which is no package
    return Path(spec.origin) if spec and spec.origin else None


def _imports(file: Path) -> Iterator[str]:
    waiting: list[ast.AST] = [ast.parse(file.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}:{alias.name}" for alias in node.names)
        elif not _is_for_types(node):
            waiting.extend(ast.iter_child_nodes(node))


def _is_for_types(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )
