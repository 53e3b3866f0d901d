"""What the page's files are, and under what policy they are served."""

import gzip
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from search_faces.static import ROOT
from tests.e2e.page.conftest import Visit
from tests.e2e.page.sites import behind_gateway, serving

PAGE = ROOT / "page"
MOST_BYTES = 40_000


class _References(HTMLParser):
    """What a page refers to, and what it has inline."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [value for name in ("href", "src") if (value := given.get(name))]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


def test_all_files_together_are_at_most_40_kb_compressed() -> None:
    # One by one, as a browser gets those of `facesearch serve`.
    sizes = [len(gzip.compress(path.read_bytes(), 5)) for path in PAGE.iterdir()]
    assert sum(sizes) <= MOST_BYTES


def test_page_refers_to_its_own_files_only_and_relatively() -> None:
    references = _References()
    references.feed((PAGE / "index.html").read_text("utf-8"))
    assert references.inline == []
    own = {f"page/{path.name}" for path in PAGE.iterdir()}
    others = {"./", "docs", "#results-title"}
    assert set(references.addresses) <= own | others
    for path in PAGE.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//cdn|url\(|@import", text), path.name


@pytest.mark.slow
def test_files_come_under_a_strict_policy_and_are_asked_for_once(served: str) -> None:
    with urlopen(served) as answer:  # noqa: S310
        files = set(re.findall(r'"(page/[^"]+)"', answer.read().decode()))
    assert len(files) >= 3
    for path in ("", *files):
        with urlopen(f"{served}{path}") as answer:  # noqa: S310
            headers: Mapping[str, str] = answer.headers
        hashed = re.search(r"\.[0-9a-f]{12}\.", path)
        kept = "public, max-age=31536000, immutable" if hashed else "no-cache"
        assert headers["Cache-Control"] == kept
        policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' blob: data:",
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Permissions-Policy"].startswith("camera=(self)")
        again = Request(f"{served}{path}", headers={"If-None-Match": headers["ETag"]})  # noqa: S310
        with pytest.raises(HTTPError, match="304") as unchanged:
            urlopen(again)  # noqa: S310
        unchanged.value.close()


@pytest.mark.slow
def test_visit_to_the_deployed_page_is_four_files_and_its_worker(
    visit: Visit, store: str, bundled: Path
) -> None:
    with behind_gateway(store, bundled) as root:
        visitor = visit(f"{root}/prod/")
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        visitor.page.reload(wait_until="networkidle")
    files = sorted(re.sub(r"\.[0-9a-f]{12}\.", ".", path) for path in asked if "/v1/" not in path)
    # The browser may take what is for good from its cache.
    assert "/prod/" in files
    assert set(files) <= {
        *("/prod/", "/prod/page/app.js", "/prod/page/app.css", "/prod/page/icon.svg"),
        "/prod/page/resize.js",
    }
    # The first visit may still be asking for its icon.
    assert len(set(asked)) <= 8, asked
    assert {each[:3] for each in visitor.refused} == {"403"}
    visitor.refused.clear()


@pytest.mark.slow
def test_only_files_of_the_page_are_served(served: str) -> None:
    for path in ("nothing.js", "..%2Fhandler.py", "%2e%2e%2fhandler.py", "index.html~"):
        with pytest.raises(HTTPError, match="404") as missing:
            urlopen(f"{served}page/{path}")  # noqa: S310
        missing.value.close()


@pytest.mark.slow
def test_uploads_may_go_to_the_origin_that_is_set(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_UPLOAD_ORIGIN", "https://photos.s3.eu-west-1.amazonaws.com")
    with serving(f"--store={store}") as address, urlopen(address) as answer:  # noqa: S310
        policy = answer.headers["Content-Security-Policy"]
    assert "connect-src 'self' https://photos.s3.eu-west-1.amazonaws.com;" in policy
