"""`facesearch serve --uploads`: new photos over real HTTP, into a folder and the store."""

import base64
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from facesearch.errors import ImageTooLarge, InvalidRequest, StoreError
from facesearch.photos.folder import photo_path
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli import run
from facesearch_local.client import ApiError, FaceSearchClient
from facesearch_local.server.uploads import FolderUploads
from search_faces.contract.requests import CompareSide, SearchOptions
from search_faces.uploads import NewPhoto
from tests.integration.api import Json, form
from tests.integration.conftest import TakePhoto
from tests.integration.serving import serving
from tests.integration.test_index_faces import faceless

PHOTO: Json = {"filename": "0001.jpg", "content_type": "image/jpeg", "size": 1000}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads") / "new"


@pytest.fixture(scope="module")
def server(models: Path, folder: Path) -> Iterator[str]:
    url = f"sqlite:///{folder.parent}/faces.db"
    with serving(url, models, {"FACESEARCH_UPLOADS": str(folder)}) as address:
        yield address


def ask(server: str, **changes: object) -> Json:
    answer = requests.post(f"{server}/v1/uploads", json={**PHOTO, **changes}, timeout=30)
    assert answer.status_code == 201, answer.text
    form: Json = answer.json()
    assert form["url"] == "v1/uploads/files"
    return form


def send(server: str, fields: Json, data: bytes) -> requests.Response:
    files = {"file": ("../../evil.html", data)}
    return requests.post(f"{server}/v1/uploads/files", fields, files=files, timeout=30)


def listed(server: str, photo_id: str) -> Json:
    photos = requests.get(f"{server}/v1/photos", {"prefix": photo_id}, timeout=30).json()["photos"]
    (photo,) = photos
    found: Json = photo
    return found


def files_in(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_photo_is_found_as_soon_as_it_was_sent(
    server: str, folder: Path, sample: Path, photo: TakePhoto
) -> None:
    path = sorted((sample / "train" / "madonna").iterdir())[1]
    with FaceSearchClient(server) as client:
        assert client.version().search.uploads is True
        photo_id = client.upload(path, collection="Zoë & Ana 🎉", metadata={"album": "é"})
        answer = client.search(
            path, options=SearchOptions(collection="Zoë & Ana 🎉", metadata={"album": "é"})
        )
    (match,) = answer.results[0].matches
    assert match.photo_id == photo_id
    assert match.distance < 1e-3
    kept = Path(photo_path(photo_id))
    assert kept.read_bytes() == path.read_bytes()
    assert kept.parent == folder / "Zoë & Ana 🎉"
    assert not [each for each in files_in(folder) if each.name.endswith(".part")]


def delete(server: str, photo_id: str) -> requests.Response:
    return requests.delete(f"{server}/v1/photos", params={"photo_id": photo_id}, timeout=30)


def test_photo_that_is_sent_again_is_there_once_in_its_collection(
    server: str, folder: Path, sample: Path
) -> None:
    path = sorted((sample / "train" / "elton_john").iterdir())[2]
    with FaceSearchClient(server) as client:
        first, again = (client.upload(path, collection="twice", external_id="4711") for _ in "12")
        other = client.upload(path, collection="once")
        assert first == again != other
        assert [each.photo_id for each in client.photos(prefix=first)] == [first]
        assert [each.name for each in (folder / "twice").iterdir()] == [Path(first).name]
        (match,) = client.search(path, options=SearchOptions(collection="twice")).results[0].matches
        assert (match.external_id, match.metadata) == ("4711", {"external_id": "4711"})
        by_name = SearchOptions(metadata={"external_id": "4711"})
        assert client.search(path, options=by_name).results[0].matches == [match]
        assert client.face(match.face_id).external_id == "4711"
    assert listed(server, first)["external_id"] == "4711"
    assert listed(server, other)["external_id"] is None


def test_file_that_is_another_than_was_told_is_not_kept(server: str, folder: Path) -> None:
    before = files_in(folder)
    form = ask(server, sha256="0" * 64)
    answer = send(server, form["fields"], b"another")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert files_in(folder) == before


def test_sha256_that_is_none_is_refused(server: str) -> None:
    answer = requests.post(f"{server}/v1/uploads", json={**PHOTO, "sha256": "XYZ"}, timeout=30)
    assert answer.status_code == 400
    assert "64 hex digits" in answer.json()["detail"]


def test_uploaded_photo_is_deleted_with_its_faces(server: str, sample: Path) -> None:
    path = sorted((sample / "train" / "mindy_kaling").iterdir())[2]
    with FaceSearchClient(server) as client:
        photo_id = client.upload(path, collection="to go")
        client.delete_photo(photo_id)
        assert not Path(photo_path(photo_id)).exists()
        assert not list(client.photos(prefix=photo_id))
        assert photo_id not in str(client.search(path))
        assert client.upload(path, collection="to go") == photo_id
        assert len(list(client.photos(prefix=photo_id))) == 1
        client.delete_photo(photo_id)
    gone = delete(server, photo_id)
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "alias", ["{folder}/./{name}", "{folder}/../{last}/{name}", "{folder}//{name}", "{folder}/%{x}"]
)
def test_photo_that_is_named_otherwise_is_deleted_with_its_faces(
    server: str, sample: Path, alias: str
) -> None:
    path = sorted((sample / "train" / "mindy_kaling").iterdir())[3]
    with FaceSearchClient(server) as client:
        photo_id = client.upload(path, collection="to go")
        folder, _, name = photo_id.rpartition("/")
        last, x = folder.rpartition("/")[2], f"{ord(name[0]):02x}{name[1:]}"
        client.delete_photo(alias.format(folder=folder, name=name, last=last, x=x))
        assert not Path(photo_path(photo_id)).exists()
        assert not list(client.photos(prefix=photo_id))


def test_hidden_face_is_found_by_nothing_until_it_is_shown_again(
    server: str, sample: Path, folder: Path
) -> None:
    path, other = sorted((sample / "train" / "jerry_seinfeld").iterdir())[2:4]
    with FaceSearchClient(server) as client:
        photo_id = client.upload(path, collection="hiding")
        options = SearchOptions(collection="hiding", expand=True)
        (match,) = client.search(other, options=options).results[0].matches
        for _ in range(2):
            assert client.hide_face(match.face_id).hidden
        assert client.search(other, options=options).results[0].matches == []
        # The same bytes again: a machine's run.
        assert client.upload(path, collection="hiding") == photo_id
        assert client.search(other, options=options).results[0].matches == []
        assert client.face(match.face_id).hidden
        photo = requests.get(f"{server}/v1/faces/{match.face_id}/photo", timeout=30).json()
        assert [each["hidden"] for each in photo["faces"]] == [True]
        for ask_with_it in (
            lambda: client.matches(match.face_id),
            lambda: client.thumbnail(match.face_id),
            lambda: client.search(face_ids=[match.face_id]),
            lambda: client.search(other, face_ids=[match.face_id]),
            lambda: client.compare(CompareSide(face_id=match.face_id), other),
        ):
            with pytest.raises(ApiError, match="is hidden") as refused:
                ask_with_it()
            assert refused.value.code == "not_found"
        assert not client.show_face(match.face_id).hidden
        assert client.search(other, options=options).results[0].matches == [match]
        with pytest.raises(ApiError, match="no face"):
            client.hide_face("0" * 32 + "-0")
        client.delete_photo(photo_id)


def test_photo_elsewhere_is_not_deleted_and_the_command_for_it_is_told(
    server: str, folder: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.jpg"
    kept.touch()
    (folder / "link").symlink_to(tmp_path)
    for path in (kept, folder / "link" / "kept.jpg", folder / "default/../../.." / "kept.jpg"):
        refused = delete(server, f"file://{path}")
        assert (refused.status_code, refused.json()["code"]) == (405, "deletion_off"), path
        assert refused.headers["Allow"] == "GET"
        assert "use facesearch index" in refused.json()["detail"]
    assert kept.exists()
    told = delete(server, "s3://photos/a b.jpg").json()["detail"]
    assert told.endswith("use aws s3 rm 's3://photos/a b.jpg'")


def test_answer_is_s3_s_and_carries_a_request_id(server: str, photo: TakePhoto) -> None:
    data = photo("madonna", 1)
    answer = send(server, ask(server, size=len(data))["fields"], data)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["X-Request-Id"]


def test_photo_without_a_face_and_what_is_no_photo_are_kept_and_recorded_so(server: str) -> None:
    for data, problem in ((faceless(), None), (b"<html>", "not_an_image")):
        form = ask(server, size=len(data))
        assert send(server, form["fields"], data).status_code == 204
        assert listed(server, form["photo_id"])["problem"] == problem
        assert Path(photo_path(form["photo_id"])).read_bytes() == data


@pytest.mark.parametrize(
    "filename", ["../../x.jpg", "a\0b.jpg", "n" * 1024, "😀.jpg", "evil.html", "/etc/cron.d/x"]
)
def test_hostile_name_stays_in_the_folder(server: str, folder: Path, filename: str) -> None:
    form = ask(server, filename=filename)
    assert send(server, form["fields"], b"photo").status_code == 204
    path = Path(photo_path(form["photo_id"]))
    assert path.parent == folder / "default"
    assert path.suffix == ".jpg"
    assert path.read_bytes() == b"photo"


@pytest.mark.parametrize("collection", ["..", "../x", "a/b", ".hidden", "a\\b"])
def test_collection_that_is_no_folder_is_refused(server: str, collection: str) -> None:
    body = {**PHOTO, "collection": collection}
    answer = requests.post(f"{server}/v1/uploads", json=body, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_collection")


def test_linked_collection_is_not_written_to(server: str, folder: Path, tmp_path: Path) -> None:
    (folder / "linked").symlink_to(tmp_path)
    answer = send(server, ask(server, collection="linked")["fields"], b"photo")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_collection")
    assert not list(tmp_path.iterdir())


def test_form_that_was_changed_or_made_up_stores_nothing(server: str, folder: Path) -> None:
    before = files_in(folder)
    fields = ask(server)["fields"]
    policy = json.loads(base64.b64decode(fields["policy"]))
    evil = base64.b64encode(json.dumps({**policy, "name": "../../x"}).encode()).decode()
    for bad in (
        {**fields, "policy": evil},
        {**fields, "signature": "0" * 64},
        {**fields, "signature": "é"},
        {**fields, "policy": "é"},
        {"policy": fields["policy"]},
        {},
    ):
        answer = send(server, bad, b"photo")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert "not one of this service" in answer.json()["detail"]
    assert files_in(folder) == before


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"photo", "image/jpeg"),
        (b"photo", ""),
    ],
)
def test_body_that_is_no_form_is_refused(server: str, body: bytes, kind: str) -> None:
    url = f"{server}/v1/uploads/files"
    answer = requests.post(url, body, headers={"Content-Type": kind}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_empty_file_is_refused(server: str) -> None:
    answer = send(server, ask(server)["fields"], b"")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_photo_beyond_the_api_s_10_mb_is_taken_up_to_its_own_limit(server: str) -> None:
    large = bytes(11 * 2**20)
    assert send(server, ask(server, size=len(large))["fields"], large).status_code == 204
    most = ask(server, size=MAX_FILE_BYTES)
    assert most["max_bytes"] == MAX_FILE_BYTES
    answer = send(server, most["fields"], bytes(MAX_FILE_BYTES + 2**17))
    assert answer.status_code == 413


def test_size_that_was_told_is_the_most_that_is_taken(server: str, folder: Path) -> None:
    before = files_in(folder)
    form = ask(server, size=10)
    assert form["max_bytes"] == 10
    answer = send(server, form["fields"], bytes(18_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "image_too_large")
    assert "the 10 bytes" in answer.json()["detail"]
    assert files_in(folder) == before
    assert send(server, form["fields"], bytes(10)).status_code == 204


def test_other_methods_are_refused(server: str) -> None:
    answer = requests.get(f"{server}/v1/uploads/files", timeout=30)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert requests.get(f"{server}/v1/uploads", timeout=30).status_code == 405


def test_folder_that_cannot_be_is_named_by_the_command_line(models: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "facesearch_local.cli", "serve", "--port=0"]
    ended = subprocess.run(
        [*command, f"--store=sqlite:///{tmp_path}/faces.db", f"--uploads={tmp_path}/file/new"],
        env={**os.environ, "FACESEARCH_MODELS": str(models)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert f"'{tmp_path}/file/new' (Not a directory): name a folder" in ended.stderr


@pytest.fixture
def uploads(tmp_path: Path, pipeline: FacePipeline) -> Iterator[FolderUploads]:
    with open_store(f"sqlite:///{tmp_path}/faces.db", pipeline.recipe) as store:
        yield FolderUploads(tmp_path / "new", pipeline, store)


def receive(uploads: FolderUploads, fields: Mapping[str, str], data: bytes) -> None:
    sent = form(*fields.items(), ("file", data))
    uploads.receive(sent["content_type"], io.BytesIO(sent["body"]))


def test_form_expires(uploads: FolderUploads, monkeypatch: pytest.MonkeyPatch) -> None:
    form = uploads.form(NewPhoto("a.jpg", "image/jpeg", 1000, None, {}))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301)
    with pytest.raises(InvalidRequest, match="the form has expired"):
        receive(uploads, form.fields, b"photo")
    monkeypatch.setattr(time, "time", lambda: now + 290)
    receive(uploads, form.fields, b"photo")


def test_photo_beyond_the_size_that_was_told_is_not_kept(
    uploads: FolderUploads, tmp_path: Path
) -> None:
    form = uploads.form(NewPhoto("a.jpg", "image/jpeg", 1000, None, {}))
    with pytest.raises(ImageTooLarge, match="1,000 bytes that this form was asked for"):
        receive(uploads, form.fields, bytes(1001))
    assert not files_in(tmp_path / "new")
    receive(uploads, form.fields, bytes(1000))
    assert files_in(tmp_path / "new") == {Path("default/a.jpg")}


def test_photo_that_the_store_does_not_take_is_not_kept(
    pipeline: FacePipeline, tmp_path: Path, photo: TakePhoto
) -> None:
    (tmp_path / "faces.db").write_bytes(b"no database" * 1000)
    with open_store(f"sqlite:///{tmp_path}/faces.db", pipeline.recipe) as store:
        uploads = FolderUploads(tmp_path / "new", pipeline, store)
        form = uploads.form(NewPhoto("a.jpg", "image/jpeg", 2**20, "wedding", {}))
        with pytest.raises(StoreError):
            receive(uploads, form.fields, photo("madonna", 1))
    assert not files_in(tmp_path / "new")


def test_same_form_again_replaces_the_photo(uploads: FolderUploads, tmp_path: Path) -> None:
    form = uploads.form(NewPhoto("a.jpg", "image/jpeg", 1000, None, {}))
    receive(uploads, form.fields, b"one")
    receive(uploads, form.fields, b"two")
    assert files_in(tmp_path / "new") == {Path("default/a.jpg")}
    assert (tmp_path / "new/default/a.jpg").read_bytes() == b"two"


def test_name_of_a_link_is_replaced_and_not_followed(
    uploads: FolderUploads, tmp_path: Path
) -> None:
    (tmp_path / "new/default").mkdir()
    (tmp_path / "outside.jpg").write_bytes(b"mine")
    (tmp_path / "new/default/a.jpg").symlink_to(tmp_path / "outside.jpg")
    receive(uploads, uploads.form(NewPhoto("a.jpg", "image/jpeg", 1000, None, {})).fields, b"photo")
    assert (tmp_path / "outside.jpg").read_bytes() == b"mine"
    assert (tmp_path / "new/default/a.jpg").read_bytes() == b"photo"


def test_what_was_said_of_an_upload_survives_an_index_of_its_folder(
    server: str, folder: Path, sample: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_MODELS", str(models))
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{folder.parent}/faces.db")
    first, second = sorted((sample / "train" / "elton_john").iterdir())[:2]
    with FaceSearchClient(server) as client:
        photo_id = client.upload(first, collection="party", metadata={"album": "é"})
    path = Path(photo_path(photo_id))
    run(["index", "--quiet", "--force", str(folder)])
    path.write_bytes(second.read_bytes())
    run(["index", "--quiet", str(folder)])
    renamed = path.with_name("renamed.jpg")
    path.rename(renamed)
    run(["index", "--quiet", str(folder)])
    kept = listed(server, renamed.as_uri())
    assert (kept["collection"], kept["metadata"]) == ("party", {"album": "é"})
