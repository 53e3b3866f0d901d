"""The index of the benchmark of scale: an ended run goes on, and a larger one begins with it."""

from collections.abc import Iterable, Iterator

import pytest

from facesearch.faces import IndexedPhoto
from tests.benchmarks.scale import index as scale_index
from tests.benchmarks.scale.index import ShapedIndex
from tests.benchmarks.scale.shapes import SHAPES
from tests.benchmarks.scale.truth import exact_answers, nearness
from tests.benchmarks.synthetic_faces import Faces, synthetic_photos
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    opensearch_server_fixture,
)

FEW, MANY = 600, 900
ENDED_AT = 450


class Ended(Exception):
    """What a run is ended by."""


def _photos_until_the_end(stream: Iterable[Faces], start: int) -> Iterator[IndexedPhoto]:
    for number, photo in enumerate(synthetic_photos(stream, start)):
        if number == ENDED_AT:
            raise Ended
        yield photo


@pytest.mark.slow
def test_ended_run_goes_on_and_a_larger_index_begins_with_the_smaller(
    opensearch_server: OpenSearchServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(scale_index, "BATCH", 100)
    monkeypatch.setattr(scale_index, "KEEP_FACES", 100)
    url = f"opensearch://{opensearch_server.host}"
    few = ShapedIndex(url, "default", SHAPES["default"], FEW)
    with monkeypatch.context() as patch:
        patch.setattr(scale_index, "synthetic_photos", _photos_until_the_end)
        with pytest.raises(Ended):
            few.write()
    assert few.written() is None
    assert few.write().faces == FEW
    assert "going on after" in capsys.readouterr().out
    assert few.exists()
    assert few.written() is not None

    many = ShapedIndex(url, "default", SHAPES["default"], MANY, earlier=[FEW])
    assert many.write().faces == MANY - FEW
    assert many.exists()
    assert few.exists()
    truth = exact_answers(many.stream.probes(20), many.stream)
    search = many.searcher(200)
    found = nearness(truth, [search(probe) for probe in truth.probes.embeddings])
    search.close()
    assert found.recall == 1
    for name in (f"scale-{FEW}-default-000001", f"scale-{MANY}-default-000001"):
        opensearch_server.request("DELETE", f"/{name}")
