"""JSON schemas of the API's types."""

from typing import Any

from pydantic import TypeAdapter
from typing_extensions import is_typeddict

Json = Any
_REF = "#/components/schemas/{model}"


def reference(name: str) -> dict[str, Json]:
    """To a component."""
    return {"$ref": _REF.format(model=name)}


class Types:
    """JSON schemas of types, with common ones as components."""

    def __init__(self) -> None:
        self._found: dict[str, Json] = {}

    def schema(self, kind: Any) -> Json:
        schema = TypeAdapter(kind).json_schema(ref_template=_REF)
        self._found |= schema.pop("$defs", {})
        if is_typeddict(kind):
            name = str(kind.__name__)
            self._found[name] = schema
            return reference(name)
        return schema

    def fields(self, kind: type) -> dict[str, Json]:
        """Those of a TypedDict, by name; without the titles, which repeat the names."""
        schema = TypeAdapter(kind).json_schema(ref_template=_REF)
        return {name: _untitled(each) for name, each in schema["properties"].items()}

    def components(self) -> dict[str, Json]:
        return {name: _untitled(self._found[name]) for name in sorted(self._found)}


def _untitled(schema: Json) -> Json:
    """Without `title`, by which pydantic repeats the names of fields."""
    if isinstance(schema, dict):
        return {
            name: _untitled(each)
            for name, each in schema.items()
            if not (name == "title" and isinstance(each, str))
        }
    return [_untitled(each) for each in schema] if isinstance(schema, list) else schema
