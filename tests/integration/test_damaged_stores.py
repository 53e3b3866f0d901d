"""A damaged store gives its own error or the right answer, whoever asks and in whatever way."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facesearch.errors import StoreError
from facesearch.faces import face_id
from facesearch.stores.sqlite.backup import back_up
from facesearch.stores.sqlite.store import SqliteStore
from facesearch_local.cli import run
from tests.contract.samples import RECIPE, indexed, vector
from tests.integration.api import ApiAnswer, call
from tests.integration.conftest import close_services
from tests.integration.damaged_stores import damage

pytestmark = pytest.mark.slow

COPIES = 300
PATIENCE_S = 60

Ask = Callable[[SqliteStore], object]
QUESTIONS: tuple[Ask, ...] = (
    lambda store: store.search(vector(3), 5),
    lambda store: store.search(vector(3), 5, collection="b"),
    lambda store: store.search(vector(3), 5, metadata={"year": "1999"}),
    lambda store: store.search(vector(3), 5, min_detection_score=0.5),
    lambda store: store.face(face_id("p3", 0)),
    lambda store: store.photo("p3"),
    lambda store: list(store.photos()),
    lambda store: list(store.faces()),
    lambda store: store.sequences(["p3", "gone", "unknown"]),
    lambda store: store.collections(),
    lambda store: store.counts(),
    lambda store: store.stored_recipe(),
)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 60 photos with two faces each; one photo was forgotten."""
    path = tmp_path_factory.mktemp("intact") / "faces.db"
    photos = [
        indexed(
            f"p{number}",
            7,
            [vector(number), vector(1000 + number)],
            collection="ab"[number % 2],
            metadata={"year": str(1990 + number % 20)},
        )
        for number in range(60)
    ]
    with SqliteStore(path, RECIPE) as store:
        store.write([*photos, indexed("gone", 1)])
    return path


def answers(path: Path) -> list[str]:
    """What the store answers, each as text; how it refuses counts as no answer."""
    given, named = [], True
    for ask in QUESTIONS:
        with SqliteStore(path, RECIPE) as store:
            try:
                given.append(repr(ask(store)))
            except StoreError as error:
                given.append("")
                named &= str(path) in str(error) or "the store" in str(error)
    assert named
    return given


def test_damaged_store_answers_rightly_or_not_at_all(intact: Path, tmp_path: Path) -> None:
    right = answers(intact)
    assert all(right)
    content, path = intact.read_bytes(), tmp_path / "faces.db"
    refused = 0
    for number in range(COPIES):
        path.unlink(missing_ok=True)
        path.write_bytes(damage(content, number))
        given = answers(path)
        wrong = [at for at, answer in enumerate(given) if answer not in ("", right[at])]
        assert not wrong, (number, wrong)
        refused += "" in given
    assert refused > COPIES // 2


def overwrite(path: Path, content: bytes) -> None:
    """As another program does: the file is the same, with other bytes."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def told(store: SqliteStore) -> list[str]:
    """What an open store answers; how it refuses counts as no answer."""
    given = []
    for ask in QUESTIONS:
        try:
            given.append(repr(ask(store)))
        except StoreError:
            given.append("")
    return given


def test_open_store_notices_that_its_file_was_damaged_meanwhile(
    intact: Path, tmp_path: Path
) -> None:
    content, path = intact.read_bytes(), tmp_path / "faces.db"
    for number in range(0, COPIES, 4):
        for log in ("", "-wal", "-shm"):
            path.with_name(path.name + log).unlink(missing_ok=True)
        path.write_bytes(content)
        with SqliteStore(path, RECIPE) as store:
            assert all(told(store))
            overwrite(path, damage(content, number))
            expected = answers(path)
            deadline = time.monotonic() + PATIENCE_S
            while (given := told(store)) != expected:
                assert time.monotonic() < deadline, (number, given)


def test_open_store_reads_another_that_was_copied_over_it(intact: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "faces.db", tmp_path / "other.db"
    path.write_bytes(intact.read_bytes())
    with SqliteStore(other, RECIPE) as store:
        store.write([indexed("p3", 7, [vector(5000)], collection="b")])
    with SqliteStore(path, RECIPE) as store:
        assert all(told(store))
        overwrite(path, other.read_bytes())
        assert told(store) == answers(path) != answers(intact)


def test_writing_to_a_damaged_store_fails_with_its_own_error(intact: Path, tmp_path: Path) -> None:
    content = intact.read_bytes()
    for number in range(0, COPIES, 3):
        path = tmp_path / f"{number}.db"
        path.write_bytes(damage(content, number))
        with SqliteStore(path, RECIPE) as store:
            try:
                store.write([indexed("new", 1, [vector(7)])])
            except StoreError:
                continue
            assert store.photo("new") is not None


def test_backup_of_a_damaged_store_is_refused_and_leaves_nothing(
    intact: Path, tmp_path: Path
) -> None:
    content = intact.read_bytes()
    refusals = {}
    for number in range(0, COPIES, 5):
        path, copy = tmp_path / f"{number}.db", tmp_path / f"{number}.copy"
        path.write_bytes(damage(content, number))
        try:
            back_up(path, copy)
        except StoreError as error:
            refusals[path] = str(error)
            assert not copy.exists()
        else:
            assert answers(copy) == answers(path)
    assert refusals
    # None of its own copy, which is gone.
    assert all(f"store '{path}' " in text for path, text in refusals.items())


def test_every_command_names_the_damage_in_a_sentence(
    indexed_file: Path,
    models: Path,
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FACESEARCH_MODELS", str(models))
    photo = sample / "val/elton_john/elton_john_01.jpg"
    content, path = indexed_file.read_bytes(), tmp_path / "faces.db"
    empty = tmp_path / "photos"
    empty.mkdir()
    commands = [
        ["status", "--json"],
        ["export", str(tmp_path / "faces.csv"), "--quiet"],
        ["forget", "--collection", "music", "--dry-run"],
        ["backup", str(tmp_path / "copy.db"), "--force"],
        ["search", str(photo), "--json"],
        ["index", str(photo), "--quiet"],
        ["upgrade", "--quiet"],
        ["restore", str(path), "--yes"],
    ]

    def ran(command: list[str]) -> tuple[int, str, str]:
        capfd.readouterr()
        store = tmp_path / "other.db" if command[0] == "restore" else path
        code = run([*command, "--store", f"sqlite:///{store}"])
        return code, *capfd.readouterr()

    right = {}
    for command in commands:
        path.write_bytes(content)
        right[command[0]] = ran(command)
    for number in range(COPIES):
        command = commands[number % len(commands)]
        for log in ("-wal", "-shm"):
            path.with_name(path.name + log).unlink(missing_ok=True)
        path.unlink()
        path.write_bytes(damage(content, number))
        code, out, errors = ran(command)
        assert "Traceback" not in errors, (number, command, errors)
        expected, printed, _ = right[command[0]]
        if code == expected == 0 and command[0] in ("status", "search"):
            assert json.loads(out) == json.loads(printed) or command[0] == "status", number
        elif code:
            assert errors.startswith("error: "), (number, command, errors)
    shutil.rmtree(empty)


@pytest.fixture
def damaged(
    indexed_file: Path, functions: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Give the functions a store that is damaged in the way of that number; -1 is none."""
    content, path = indexed_file.read_bytes(), tmp_path / "damaged.db"
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{path}")

    def give(number: int) -> None:
        close_services()
        path.unlink(missing_ok=True)
        path.write_bytes(content if number < 0 else damage(content, number))

    return give


def test_every_route_answers_rightly_or_that_the_store_is_damaged(
    damaged: Callable[[int], None], query: Callable[[str], bytes]
) -> None:
    photo = query("madonna")
    damaged(-1)
    face = call(photo).matches[0]["face_id"]
    routes: list[Callable[[], ApiAnswer]] = [
        lambda: call(photo),
        lambda: call({"face_id": face}),
        lambda: call(method="GET", path=f"/v1/faces/{face}"),
        lambda: call(method="GET", path="/v1/photos"),
        lambda: call(method="GET", path="/v1/collections"),
        lambda: call(method="GET", path="/v1/health"),
    ]
    right = [ask().body for ask in routes]
    for number in range(0, COPIES):
        damaged(number)
        place = number % len(routes)
        answer = routes[place]()
        if answer.status >= 400:
            assert answer.status in (500, 503), (number, answer.body)
            assert b"/damaged.db" not in answer.body
        else:
            assert answer.body == right[place], (number, place)


def test_route_notices_that_the_store_was_damaged_while_it_answers(
    indexed_file: Path, functions: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "faces.db"
    path.write_bytes(indexed_file.read_bytes())
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{path}")
    close_services()
    assert call(method="GET", path="/v1/photos").status == 200
    overwrite(path, damage(path.read_bytes(), 3))
    deadline = time.monotonic() + PATIENCE_S
    while (answer := call(method="GET", path="/v1/photos")).status == 200:
        assert time.monotonic() < deadline
    assert json.loads(answer.body)["code"] == "store_damaged"
