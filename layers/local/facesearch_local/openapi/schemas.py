"""JSON schemas of the API's types."""

import inspect
from typing import Any

import msgspec

Json = Any
_REF = "#/components/schemas/{name}"


class Schemas:
    """Makes schemas of types. Those of structs become components."""

    def __init__(self) -> None:
        self._components: dict[str, Json] = {}

    def schema(self, kind: Any) -> Json:
        """The schema of an answer's type: a reference if it is a struct."""
        (schema,), components = msgspec.json.schema_components([kind], ref_template=_REF)
        self._components |= {name: _plain(each) for name, each in components.items()}
        return _plain(schema)

    def request_schema(self, kind: type[msgspec.Struct]) -> Json:
        """The schema of a request's type, which allows no null."""
        reference = self.schema(kind)
        self._components |= {
            name: _without_null(self._components[name]) for name in self._reached(kind.__name__)
        }
        return reference

    def fields(self, kind: type[msgspec.Struct]) -> dict[str, Json]:
        """The schemas of a request's fields, by name."""
        _, components = msgspec.json.schema_components([kind], ref_template=_REF)
        fields: dict[str, Json] = _without_null(_plain(components[kind.__name__]))["properties"]
        return fields

    def components(self) -> dict[str, Json]:
        return {name: self._components[name] for name in sorted(self._components)}

    def _reached(self, name: str) -> set[str]:
        text = msgspec.json.encode(self._components[name]).decode()
        return {each for each in self._components if _REF.format(name=each) in text} | {name}


def reference(name: str) -> dict[str, Json]:
    """A reference to a component."""
    return {"$ref": _REF.format(name=name)}


def _plain(schema: Json) -> Json:
    """Remove titles, which repeat the types' names, and the indentation of descriptions."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        name: _plain(each)
        for name, each in schema.items()
        if not (name == "title" and isinstance(each, str))
    }
    if "enum" in plain:
        plain = {"type": "string", **plain}
    if isinstance(text := plain.get("description"), str):
        plain["description"] = inspect.cleandoc(text)
    return plain


def _without_null(schema: Json) -> Json:
    if isinstance(schema, list):
        return [_without_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: _without_null(each) for name, each in schema.items()}
    null = {"type": "null"}
    if null in schema.get("anyOf", ()):
        others = [each for each in schema.pop("anyOf") if each != null]
        schema = {**(others[0] if len(others) == 1 else {"anyOf": others}), **schema}
    if schema.get("default", ...) is None:
        del schema["default"]
    return schema
