"""The index follows the bucket: random histories of both, on both stores.

`python -m tests.convergence` runs many more.
"""

from pathlib import Path

from facesearch.vision.pipeline import FacePipeline
from tests.convergence.running import (
    opensearch_stores,
    real_faces,
    run_histories,
    sqlite_stores,
)
from tests.integration.opensearch_server import (
    OpenSearchServer,
    opensearch_server_fixture,
)

__all__ = ["opensearch_server_fixture"]

SQLITE_HISTORIES = 10_000
OPENSEARCH_HISTORIES = 300


def test_every_history_converges_in_sqlite(pipeline: FacePipeline, sample: Path) -> None:
    with sqlite_stores() as stores:
        run_histories(SQLITE_HISTORIES, stores, real_faces(pipeline, sample))


def test_every_history_converges_in_opensearch(
    pipeline: FacePipeline, sample: Path, opensearch_server: OpenSearchServer
) -> None:
    stores = opensearch_stores(opensearch_server)
    run_histories(OPENSEARCH_HISTORIES, stores, real_faces(pipeline, sample))
