"""Nobody is told anything: no name is asked for, and no file is left, by what runs here."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.integration.isolated_program import COMMAND, ON_AWS, ON_FILES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ISOLATED = Path(__file__).with_name("isolated.py")
WAIT_S = 13
"""ONNX Runtime's telemetry first speaks ten seconds after a model has run."""

EVALUATION = (".cache/facesearch/evaluation/", ".cache/matplotlib/")
"""What `evaluate` keeps: embeddings for the next time, and its charts' list of fonts."""

PROGRAM = "tests.integration.isolated_program"
CLOSE_NETWORK = " && ".join(
    (
        "ip link set lo up",
        "ip link add out type veth peer name nobody",
        "ip address add 192.0.2.1/24 dev out",
        "ip -6 address add 2001:db8::1/64 dev out nodad",
        "ip link set nobody up",
        "ip link set out up",
        "ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev out",
        "ip -6 neighbour add 2001:db8::2 lladdr 02:00:00:00:00:02 dev out",
        "ip route add default via 192.0.2.2 dev out",
        "ip -6 route add default via 2001:db8::2 dev out",
    )
)
"""Every address can be spoken to, and none but loopback's answers."""

ANALYSE = """
import sys, time
from pathlib import Path
from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline

models, photo, seconds = sys.argv[1:]
pipeline = FacePipeline.from_settings(Settings.from_env({"FACESEARCH_MODELS": models}))
(analysed,) = pipeline.analyse([Path(photo).read_bytes()])
assert analysed.faces
time.sleep(float(seconds))
"""


@dataclass(frozen=True)
class Traces:
    """What a program asked for, and the files that it left in its home and temporary folder."""

    code: int
    asked: list[str]
    left: list[str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    return home


def traces_of(
    command: list[str], home: Path, *, seconds: float = 0, code: int = 0, **environ: str
) -> Traces:
    """Run the command in a network namespace where only loopback and its name server answer."""
    resolver = home.parent / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n")
    script = f'{CLOSE_NETWORK} && mount --bind $0 /etc/resolv.conf && exec "$@"'
    isolated = [sys.executable, str(ISOLATED), str(seconds), *command]
    unshare = ["unshare", "--net", "--mount", "sh", "-c", script, str(resolver), *isolated]
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "PYTHONPATH", "LANG") or name.startswith("LD_")
    }
    environment = {**kept, "HOME": str(home), "TMPDIR": str(home / "tmp"), **environ}
    done = subprocess.run(unshare, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    printed = json.loads(done.stdout)
    left = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    assert printed["code"] == code, done.stderr
    open_to_others = [
        path for path in home.rglob("*") if path.parent != home and path.stat().st_mode & 0o077
    ]
    assert not open_to_others
    return Traces(printed["code"], printed["asked"], left)


@pytest.fixture(autouse=True, scope="module")
def namespaces() -> None:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        missing("there is no unshare or no ip: no network can be closed around a program")
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], check=False)
    if tried.returncode != 0:
        missing("this user may make no network namespace")


def test_the_trap_is_set(home: Path) -> None:
    ask = "import socket\ntry: socket.getaddrinfo('photos.example', 443)\nexcept OSError: pass"
    assert "photos.example" in traces_of([sys.executable, "-c", ask], home).asked


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8:1::7"])
def test_the_trap_is_set_for_addresses(home: Path, address: str) -> None:
    ask = (
        "import socket\n"
        f"try: socket.create_connection(('{address}', 443), 0.5)\nexcept OSError: pass"
    )
    assert traces_of([sys.executable, "-c", ask], home).asked == [address]


def program(what: str, photo: Path, home: Path, models: Path, seconds: float = WAIT_S) -> Traces:
    return traces_of(
        [sys.executable, "-m", PROGRAM, what, str(photo), str(seconds)],
        home,
        PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        FACESEARCH_MODELS=str(models),
        FACESEARCH_STORE=f"sqlite:///{home}/faces.db",
        FACESEARCH_BUCKET="photos",
        AWS_REGION="eu-west-1",
        AWS_DEFAULT_REGION="eu-west-1",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 (of the local stand-in)
        POWERTOOLS_METRICS_NAMESPACE="facesearch",
    )


@pytest.mark.parametrize("what", ["serve", "functions"])
def test_server_and_functions_tell_nobody_and_leave_nothing_but_the_store(
    models: Path, sample: Path, home: Path, what: str
) -> None:
    photo = sample / "val/elton_john/elton_john_01.jpg"
    if what == "serve":
        indexed = [*COMMAND, "index", str(photo)]
        store = f"sqlite:///{home}/faces.db"
        traces_of([*indexed, "--store", store], home, FACESEARCH_MODELS=str(models))
    traces = program(what, photo, home, models)
    assert (traces.asked, traces.left) == ([], ["faces.db"])


def test_every_command_is_run_where_nobody_answers() -> None:
    told = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  (\w+)  ", told.partition("Commands:")[2], re.MULTILINE)
    run = {command.split()[0] for command in (*ON_FILES, *ON_AWS)}
    assert run | {"serve", "watch"} == set(listed)


def test_every_command_tells_nobody_and_leaves_nothing_but_what_it_is_told_to_write(
    models: Path, sample: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = home.parent / "models"
    shutil.copytree(models, own, copy_function=os.link)
    shutil.rmtree(own / "recipes", ignore_errors=True)
    monkeypatch.chdir(home)
    traces = program("files", sample / "val/elton_john/elton_john_01.jpg", home, own)
    assert traces.asked == []
    kept = [left for left in traces.left if not left.startswith(("out/", *EVALUATION))]
    assert kept == ["faces.db"]


def test_commands_for_operators_speak_to_the_bucket_and_queue_that_they_are_given_only(
    models: Path, sample: Path, home: Path
) -> None:
    traces = program("aws", sample / "val/elton_john/elton_john_01.jpg", home, models)
    assert traces.asked == []
    assert set(traces.left) <= {"faces.db"}


@pytest.mark.parametrize("command", ["search", "detect", "compare"])
def test_photo_on_the_web_is_asked_of_its_own_address_only(
    models: Path, home: Path, command: str
) -> None:
    url = "http://198.51.100.7/a.jpg"
    words = [command, url, url][: 3 if command == "compare" else 2]
    run = [*COMMAND, *words]
    assert traces_of(run, home, code=1, FACESEARCH_MODELS=str(models)).asked == ["198.51.100.7"]


def test_build_that_is_done_or_offline_asks_for_nothing(models: Path, home: Path) -> None:
    build = [*COMMAND, "models", "build", "--offline"]
    assert traces_of(build, home, FACESEARCH_MODELS=str(models)).asked == []
    empty = traces_of(build, home, code=1)
    assert empty.asked == []
    assert all(".cache/facesearch/models/" in left for left in empty.left)


def test_looking_at_a_photo_tells_nobody_and_leaves_nothing(
    models: Path, sample: Path, home: Path
) -> None:
    photo = sample / "val/elton_john/elton_john_01.jpg"
    command = [sys.executable, "-c", ANALYSE, str(models), str(photo), str(WAIT_S)]
    traces = traces_of(command, home)
    assert (traces.asked, traces.left) == ([], [])


def test_telemetry_is_off_in_the_environment_of_whoever_imports_the_package() -> None:
    ask = "import facesearch, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    ran = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "1"


def test_runtime_that_was_loaded_before_is_warned_of() -> None:
    environ = {name: v for name, v in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    ran = subprocess.run(
        [sys.executable, "-c", "import onnxruntime, facesearch"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Import facesearch first" in ran.stderr
