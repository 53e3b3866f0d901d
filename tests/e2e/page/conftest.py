"""One browser for all tests, one server with the sample's faces, and a visitor for each test."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from cdk.assets import FUNCTIONS
from cdk.page import bundle_code
from tests.conftest import missing
from tests.e2e.page.quiet_network import OPTIONS as QUIET
from tests.e2e.page.quiet_network import available, quiet_network
from tests.e2e.page.sites import index_sample, serving
from tests.e2e.page.visitor import MOST_MS, Visitor, browser, chromium

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        missing("there is no Chromium for the page's tests")
        raise AssertionError
    expect.set_options(timeout=MOST_MS)
    with ExitStack() as ending:
        options: tuple[str, ...] = ()
        if available():
            program = ending.enter_context(quiet_network(program))
            # In it, everybody is root, whom Chromium's sandbox is not for.
            options = (*QUIET, "--no-sandbox")
        yield ending.enter_context(browser(program, *options))


@pytest.fixture(scope="session")
def store(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The sample's 93 photos, indexed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('page') / 'faces.db'}"
    index_sample(sample / "train", url)
    return url


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search function's code as it is deployed: with its page bundled."""
    return bundle_code(FUNCTIONS / "search_faces", tmp_path_factory.mktemp("bundled"))


@pytest.fixture(scope="session")
def served(chrome: Browser, store: str) -> Iterator[str]:
    """The address of `facesearch serve` over the sample. The page is its sources."""
    with serving(f"--store={store}") as address:
        yield address


@pytest.fixture(scope="session")
def served_bundle(chrome: Browser, store: str, bundled: Path) -> Iterator[str]:
    """The same with the page as it is deployed."""
    with serving(f"--store={store}", environ={"PYTHONPATH": str(bundled)}) as address:
        yield address


@pytest.fixture(scope="session")
def keys() -> dict[str, str]:
    """The API's key by the page's address, where it is known to visitors already."""
    return {}


@pytest.fixture
def visit(chrome: Browser, keys: dict[str, str]) -> Iterator[Visit]:
    """Opens a page as a new visitor; a test fails by any error that it did not expect."""
    visitors: list[Visitor] = []
    with ExitStack() as ending:

        def open_at(address: str, path: str = "", **options: object) -> Visitor:
            # The local AWS vouches for itself.
            trusting = {"ignore_https_errors": True, **options}
            context = chrome.new_context(**trusting)  # type: ignore[arg-type]
            ending.callback(context.close)
            # A shared address leads below the page's.
            for key in (key for page, key in keys.items() if address.startswith(page)):
                context.add_init_script(f"sessionStorage.setItem('facesearch.key', '{key}')")
            visitors.append(Visitor(context, address))
            return visitors[-1].open(path)

        yield open_at
        for visitor in visitors:
            assert visitor.errors == []
            assert visitor.refused == []


@pytest.fixture(scope="session")
def elton(sample: Path) -> bytes:
    """A photo of Elton John that was not indexed."""
    return (sample / "val/elton_john/elton_john_01.jpg").read_bytes()


@pytest.fixture(scope="session")
def two_people(sample: Path) -> bytes:
    """Elton John, large, and Madonna beside him."""
    photo = Image.new("RGB", (700, 420), "grey")
    for person, left, side in (("elton_john", 0, 420), ("madonna", 420, 280)):
        with Image.open(sample / f"val/{person}/{person}_01.jpg") as each:
            photo.paste(each.resize((side, side * each.height // each.width)), (left, 0))
    data = io.BytesIO()
    photo.save(data, "JPEG", quality=92)
    return data.getvalue()


@pytest.fixture(scope="session")
def no_face() -> bytes:
    """A photo with nobody in it."""
    data = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(data, "JPEG")
    return data.getvalue()
