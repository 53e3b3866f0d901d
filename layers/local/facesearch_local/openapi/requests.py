"""The parameters and bodies of a route, for the document."""

import json
import re
from typing import Any

from facesearch_local.openapi.schemas import Json, Schemas
from search_faces.routing import Body, Route

BINARY = {"type": "string", "format": "binary"}


def parameters_of(route: Route[Any, Any], schemas: Schemas) -> list[Json]:
    """The route's parameters, in the path and in the query."""
    path = re.findall(r"{(\w+)}", route.path)
    fields = schemas.fields(route.request)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": fields.pop(name)} for name in path
    ]
    own = route.body.fields if route.body else ()
    if not _takes_options(route.body):
        return parameters
    options = {name: schema for name, schema in fields.items() if name not in own}
    return parameters + [_query_parameter(name, schema) for name, schema in options.items()]


def body_of(route: Route[Any, Any], schemas: Schemas) -> dict[str, Json]:
    """The route's body by media type; empty if it takes none."""
    if route.body is None:
        return {}
    content: dict[str, Json] = {}
    if route.body.is_photo:
        content |= {kind: {"schema": BINARY} for kind in ("image/*", "application/octet-stream")}
    if route.body.files:
        content["multipart/form-data"] = {"schema": _form(route, route.body, schemas)}
    content["application/json"] = {
        "schema": schemas.request_schema(route.request),
        "examples": {name: {"value": value} for name, value in route.examples.items()},
    }
    return content


def _takes_options(body: Body | None) -> bool:
    """Whether the route's options are described in the query. Those of a JSON body are not."""
    return body is None or bool(body.files)


def _query_parameter(name: str, schema: Json) -> Json:
    schema = _as_text(name, schema)
    parameter = {"name": name, "in": "query", "description": schema.pop("description")}
    # Clients send the defaults that they are given: in the address and in the body, which is one
    # time too many.
    if (default := schema.pop("default", "")) != "":
        parameter["description"] += f" Default: {json.dumps(default).strip(chr(34))}."
    if schema.get("type") == "object":
        parameter["description"] += f" Given as `{name}.NAME=VALUE`, each name once."
        parameter |= {"style": "form", "explode": True, "example": {f"{name}.album": "summer"}}
    return parameter | {"schema": schema}


def _as_text(name: str, schema: Json) -> Json:
    """The schema of a field as text: a list is one text, an object's entries have a prefix."""
    if schema.get("type") == "array":
        each = f"({'|'.join(schema['items']['enum'])})"
        return {
            "type": "string",
            "pattern": f"^({each}(,{each})*)?$",
            "description": f"{schema['description']} Comma-separated.",
            "default": ",".join(schema["default"]),
        }
    if schema.get("type") == "object":
        return {
            "type": "object",
            "description": schema["description"],
            "patternProperties": {f"^{re.escape(name)}\\..": schema["additionalProperties"]},
            "additionalProperties": False,
            "maxProperties": schema["maxProperties"],
        }
    return schema


def _form(route: Route[Any, Any], body: Body, schemas: Schemas) -> Json:
    fields: dict[str, Json] = {
        name: BINARY
        if most == 1
        else {"type": "array", "items": BINARY, "minItems": 1, "maxItems": most}
        for name, most in body.files.items()
    }
    options = {
        name: _as_text(name, schema)
        for name, schema in schemas.fields(route.request).items()
        if name not in body.fields
    }
    schema: dict[str, Json] = {"type": "object", "required": list(fields)}
    for name in [name for name, each in options.items() if "patternProperties" in each]:
        schema["patternProperties"] = options.pop(name)["patternProperties"]
    return {**schema, "properties": fields | options, "additionalProperties": False}
