"""The SQLite store where the machine gives it no room or no permission, in real processes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facesearch.faces import Removal
from facesearch.stores import Counts
from facesearch.stores.sqlite.store import SqliteStore
from tests.contract.samples import RECIPE, indexed, vector

FILL = """
import json, resource, sys
from pathlib import Path
from facesearch.errors import StoreFull
from facesearch.stores.sqlite.store import SqliteStore
from tests.contract.samples import RECIPE, indexed, photo_ids, vector

path, limit, batch = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def found(store, count):
    return all(photo_ids(store.search(vector(n), 1)) == [f"p{n}"] for n in range(count))

store, count, message = SqliteStore(path, RECIPE), 0, ""
while not message:
    photos = [indexed(f"p{n}", 1, [vector(n)]) for n in range(count, count + batch)]
    try:
        store.write(photos)
        count += batch
    except StoreFull as error:
        message = str(error)
answers = {"count": count, "message": message}
if count:
    answers["same store"] = found(store, count) and store.counts().photos == count
    store.close()
    with SqliteStore(path, RECIPE) as again:
        answers["opened again"] = found(again, count) and again.counts().photos == count
print(json.dumps(answers))
"""

TRY = """
import json, sys
from pathlib import Path
from facesearch.errors import StoreError
from facesearch.faces import Removal
from facesearch.stores.sqlite.store import SqliteStore
from tests.contract.samples import RECIPE, vector

def tried(call):
    try:
        return repr(call())
    except StoreError as error:
        return f"{error.code}: {error}"

store = SqliteStore(Path(sys.argv[1]), RECIPE)
print(json.dumps([
    tried(store.counts),
    tried(lambda: round(store.search(vector(1), 1)[0].distance, 4)),
    tried(lambda: store.write([Removal("p1", 9)])),
]), flush=True)
if len(sys.argv) > 2:
    sys.stdin.readline()
    print(json.dumps([tried(store.counts)]))
"""


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faces.db"


@pytest.mark.parametrize(("limit", "batch"), [(600_000, 1), (3_000_000, 200), (100_000, 1)])
def test_file_that_may_not_grow_keeps_what_was_acknowledged(
    path: Path, limit: int, batch: int
) -> None:
    answers = json.loads(_run([sys.executable, "-c", FILL, str(path), str(limit), str(batch)]))
    _assert_full(answers, path)
    # With room again, the store goes on.
    with SqliteStore(path, RECIPE) as store:
        assert store.write([indexed("later", 1, [vector(10**6)])]) == [True]
        assert store.counts().photos == int(answers["count"]) + 1


@pytest.mark.parametrize(("size_kb", "batch"), [(20, 1), (100, 1), (1000, 1), (3000, 200)])
def test_full_file_system_keeps_what_was_acknowledged(
    tmp_path: Path, size_kb: int, batch: int
) -> None:
    mount = f"mount -t tmpfs -o size={size_kb}k tmpfs '{tmp_path}'"
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*alone, mount], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine does not let its users mount a small file system")
    path = tmp_path / "faces.db"
    script = f'{mount} && exec "$0" -c "$1" "$2" 0 {batch}'
    answers = json.loads(_run([*alone, script, sys.executable, FILL, str(path)]))
    _assert_full(answers, path)


def _assert_full(answers: dict[str, object], path: Path) -> None:
    assert str(path) in str(answers["message"])
    assert "the disk is full: make room" in str(answers["message"])
    assert answers.get("same store", True)
    assert answers.get("opened again", True)
    assert bool(answers["count"]) == ("same store" in answers)


def _try_without_privileges(path: Path) -> list[str]:
    """Counts, a search and a write, by a process to which file permissions apply."""
    answers: list[str] = json.loads(_run([*_unprivileged(), "-c", TRY, str(path)]))
    return answers


def _unprivileged() -> list[str]:
    if os.geteuid() != 0:
        return [sys.executable]
    if shutil.which("setpriv") is None:
        pytest.skip("permissions do not apply to root, and there is no setpriv to become less")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", sys.executable]


@pytest.fixture
def stored(path: Path) -> Path:
    with SqliteStore(path, RECIPE) as store:
        store.write([indexed("p1", 1, [vector(1)])])
    return path


def test_read_only_file_is_searched_and_not_written(stored: Path) -> None:
    stored.chmod(0o444)
    counts, search, write = _try_without_privileges(stored)
    assert (counts, search) == (repr(Counts(1, 1)), "0.0")
    assert write.startswith(f"store_unavailable: store '{stored}' is read-only: allow writing")


def test_read_only_folder_is_searched_and_not_written(stored: Path) -> None:
    stored.chmod(0o444)
    stored.parent.chmod(0o555)
    try:
        counts, search, write = _try_without_privileges(stored)
    finally:
        stored.parent.chmod(0o755)
    assert (counts, search) == (repr(Counts(1, 1)), "0.0")
    assert write.startswith(f"store_unavailable: store '{stored}' is read-only: allow writing")
    assert [each.name for each in stored.parent.iterdir()] == ["faces.db"]


def test_read_only_folder_with_a_writer_elsewhere_shows_its_writes(stored: Path) -> None:
    with SqliteStore(stored, RECIPE) as writer:
        writer.write([indexed("p2", 1, [vector(2)]), Removal("p3", 1)])
        stored.chmod(0o444)
        stored.parent.chmod(0o555)
        try:
            counts, search, _ = _try_without_privileges(stored)
        finally:
            stored.parent.chmod(0o755)
    assert (counts, search) == (repr(Counts(2, 2)), "0.0")


def test_read_only_folder_with_a_writer_that_comes_later_shows_its_writes(stored: Path) -> None:
    stored.chmod(0o444)
    stored.parent.chmod(0o555)
    command = [*_unprivileged(), "-c", TRY, str(stored), "twice"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        before = json.loads(reader.stdout.readline())
        stored.parent.chmod(0o755)
        stored.chmod(0o644)
        with SqliteStore(stored, RECIPE) as writer:
            writer.write([indexed("p2", 1, [vector(2)])])
            after, _ = reader.communicate("\n", timeout=60)
    assert before[0] == repr(Counts(1, 1))
    assert json.loads(after) == [repr(Counts(2, 2))]


def test_unreadable_file_is_reported(stored: Path) -> None:
    stored.chmod(0o000)
    for answer in _try_without_privileges(stored):
        assert answer.startswith(f"store_unavailable: store '{stored}' cannot be opened: allow")


def test_closed_folder_is_reported(stored: Path) -> None:
    stored.parent.chmod(0o000)
    try:
        answers = _try_without_privileges(stored)
    finally:
        stored.parent.chmod(0o755)
    for answer in answers:
        assert answer.startswith(f"store_unavailable: store '{stored}' cannot be reached")
