"""Every test image of Pillow's own: formats, damage and bombs of twenty years of bug reports."""

import json
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from filelock import FileLock

from facesearch.vision.formats import EXTENSIONS
from facesearch_models.download import download_archive
from facesearch_models.manifest import Source

pytestmark = pytest.mark.slow

SOURCE = Source(
    package="pillow",
    version="11.3.0",
    kind="sdist",
    archive="pillow-11.3.0.tar.gz",
    bytes=47_000_000,
    sha256="3828ee7586cd0b2091b6209e5ad53e20d0649bbe87164a459d0676e035e8f523",
    licence="MIT-CMU",
    files={},
)
IMAGES = 1068
MAX_MB = 700
MAX_S = 10.0
EXPECTED = Path(__file__).with_name("pillow_images.toml")


class Silent:
    """Whoever runs tests reads their names."""

    def step(self, about: str) -> None: ...

    def advance(self, share: float) -> None: ...


DECODE = """
import json, resource, sys, time
from pathlib import Path
from facesearch.errors import FacesearchError
from facesearch.vision import decoding_process
from facesearch.vision.images import decode_image

outcomes, slowest = {}, 0.0
folder = Path(sys.argv[1])
for path in sorted(path for path in folder.rglob("*") if path.is_file()):
    start = time.perf_counter()
    try:
        outcome = "read_with_a_note" if decode_image(path.read_bytes()).note else "read"
    except FacesearchError as error:
        outcome = error.code
    slowest = max(slowest, time.perf_counter() - start)
    outcomes[path.relative_to(folder).as_posix()] = outcome
decoding_process.close()
# Not this process's `ru_maxrss`, which it has from the one that started it.
own = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
peaks = own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"outcomes": outcomes, "slowest_s": slowest, "peak_mb": max(peaks) / 1024}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images, fetched once for all sessions on this machine."""
    cache = Path(__file__).parents[2] / "build"
    cache.mkdir(exist_ok=True)
    with FileLock(cache / "pillow.lock"):
        archive = download_archive(SOURCE, cache, Silent())
    place = tmp_path_factory.mktemp("pillow")
    with tarfile.open(archive) as packed:
        images = [each for each in packed.getmembers() if "/Tests/images/" in each.name]
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(place, images)  # noqa: S202 (filtered where it can be)
    return place / "pillow-11.3.0" / "Tests" / "images"


def test_each_is_read_or_refused_as_expected_within_bounds(folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", DECODE, str(folder)], capture_output=True, text=True, check=True
    )
    # Libraries say much about such files; none of it gets out.
    assert ran.stderr == ""
    printed = json.loads(ran.stdout)
    outcomes: dict[str, str] = printed["outcomes"]
    assert len(outcomes) == IMAGES
    expected = {
        name: "read" if name.lower().endswith(EXTENSIONS) else "not_an_image" for name in outcomes
    }
    for outcome, names in tomllib.loads(EXPECTED.read_text("utf-8")).items():
        expected |= dict.fromkeys(names, outcome)
    assert outcomes == expected
    assert printed["peak_mb"] <= MAX_MB
    assert printed["slowest_s"] <= MAX_S
