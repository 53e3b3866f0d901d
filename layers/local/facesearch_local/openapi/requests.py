"""What a route takes: parameters and bodies."""

import re

from facesearch_local.openapi.operations import Form, Operation
from facesearch_local.openapi.types import Json, Types
from search_faces import schemas
from search_faces.requests.options import INCLUDES, METADATA

BINARY = {"type": "string", "format": "binary"}


def parameters_of(path: str, operation: Operation, types: Types) -> list[Json]:
    """In the path, and in the address after it."""
    parameters = [_path_parameter(name, types) for name in re.findall(r"{(\w+)}", path)]
    if operation.options:
        options = types.fields(operation.options)
        parameters += [_query_parameter(name, schema) for name, schema in options.items()]
    return parameters


def _path_parameter(name: str, types: Types) -> Json:
    schema = types.schema(schemas.FaceId) if name == "face_id" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(name: str, schema: Json) -> Json:
    told = {"name": name, "in": "query", "description": schema.pop("description")}
    if name == "include":
        schema = _include_text(told)
        told["description"] = schema.pop("description")
    if name == "metadata":
        told["description"] += f" Given as `{METADATA}NAME=VALUE`, each name once."
        told |= {"style": "form", "explode": True}
        schema = _metadata_texts(schema)
        told["example"] = {f"{METADATA}album": "summer"}
    return told | {"schema": schema}


def _include_text(told: Json) -> Json:
    """Where there are only texts, a list is one."""
    each = f"({'|'.join(INCLUDES)})"
    return {
        "type": "string",
        "pattern": f"^({each}(,{each})*)?$",
        "description": f"{told['description']} Comma-separated.",
        "default": "boxes",
    }


def _metadata_texts(schema: Json) -> Json:
    """Where there are only texts by name, each entry is named after a prefix."""
    pattern = f"^{re.escape(METADATA)}."
    return {
        "type": "object",
        "patternProperties": {pattern: schema["additionalProperties"]},
        "additionalProperties": False,
    }


def body_of(operation: Operation, types: Types) -> dict[str, Json]:
    """By media type; empty where none is taken."""
    content: dict[str, Json] = {}
    if operation.photo:
        content |= {kind: {"schema": BINARY} for kind in ("image/*", "application/octet-stream")}
    if operation.form:
        content["multipart/form-data"] = {"schema": _form(operation.form, types)}
    if operation.json:
        examples = {name: {"value": value} for name, value in operation.examples.items()}
        content["application/json"] = {
            "schema": types.schema(operation.json),
            "examples": examples,
        }
    return content


def _form(form: Form, types: Types) -> Json:
    fields: dict[str, Json] = {
        name: BINARY
        if most == 1
        else {"type": "array", "items": BINARY, "minItems": 1, "maxItems": most}
        for name, most in form.files.items()
    }
    schema: dict[str, Json] = {"type": "object", "required": list(form.files)}
    options = types.fields(form.options) if form.options else {}
    if "include" in options:
        options["include"] = _include_text(options["include"])
    if "metadata" in options:
        schema |= _metadata_texts(options.pop("metadata"))
    return {**schema, "properties": fields | options, "additionalProperties": False}
