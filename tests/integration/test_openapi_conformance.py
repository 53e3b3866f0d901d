"""The running API does what its document says: requests made up from it, good and bad ones."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis import Case, CheckFunction, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from facesearch.faces import face_id
from facesearch.settings import Settings
from facesearch_local.openapi.document import FILE
from tests.integration.api import PEOPLE

pytestmark = pytest.mark.slow

EXAMPLES = 25
"""Random requests of a route, those for every limit and type aside."""

UNKNOWN = "9b1f0c6f0e5d4a7c8b3e2d1c0f9a8b7c-0"
"""The document's example of a face."""

SAMPLE = Settings.from_env(os.environ).models / "sample"


def photos() -> st.SearchStrategy[bytes]:
    """Photos of people, and what is none."""
    faces = sorted(SAMPLE.glob("val/*/*.jpg"))[:5]
    read = st.sampled_from(faces).map(Path.read_bytes) if faces else st.nothing()
    return read | st.binary(max_size=64) | read.map(lambda photo: photo[: len(photo) // 2])


def known_face() -> str:
    """The id of a face that is served."""
    photo = sorted((SAMPLE / "train" / PEOPLE[0]).glob("*"))[1]
    return face_id(photo.as_uri(), 0)


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """Without a key, as `facesearch serve` is; answers may hold nothing but what is told."""
    text = json.dumps(document).replace(json.dumps(UNKNOWN), json.dumps(known_face()))
    document = json.loads(text)
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    del document["components"]["securitySchemes"]
    for operations in document["paths"].values():
        for operation in operations.values():
            del operation["security"]
    return document


schemathesis.openapi.format("binary", photos())
schemathesis.openapi.format("byte", photos().map(lambda photo: base64.b64encode(photo).decode()))
for media in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media, photos())

schema = schemathesis.openapi.from_dict(strict(json.loads(FILE.read_text("utf-8"))))
schema.config.generation.update(modes=list(GenerationMode), max_examples=EXAMPLES)


@schema.parametrize()
@settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_running_api_keeps_to_its_document(case: Case[Any], served: str) -> None:
    # What a photo shows, where it is, and which options exclude each other, no schema can tell.
    untold = case.method in ("POST", "DELETE")
    excluded: list[CheckFunction] = [positive_data_acceptance] if untold else []
    case.call_and_validate(base_url=served, excluded_checks=excluded)
