"""What operators ask of the index, as method and path; the store is `faces`."""

import re

from tests.infrastructure.cluster import Asked

ASKED_BY_COMMANDS: list[Asked] = [
    ("GET", "/_cluster/health/faces-000003"),
    ("GET", "/faces-*/_mapping"),
    ("GET", "/faces-000001/_stats"),
    ("GET", "/faces-000002/_stats"),
    ("GET", "/faces-000003/_mapping"),
    ("GET", "/faces-000003/_stats/store"),
    ("GET", "/faces-v1-0123456789abcdef/_doc/0123456789abcdef0123456789abcdef"),
    ("GET", "/faces/_mapping"),
    ("POST", "/_aliases"),
    ("POST", "/_reindex"),
    ("POST", "/faces-000001/_count"),
    ("POST", "/faces-000001/_refresh"),
    ("POST", "/faces-000001/_search"),
    ("POST", "/faces-000002/_count"),
    ("POST", "/faces-000002/_refresh"),
    ("POST", "/faces-000002/_search"),
    ("POST", "/faces-000003-v1-0123456789abcdef/_bulk"),
    ("POST", "/faces-000003/_count"),
    ("POST", "/faces-000003/_refresh"),
    ("POST", "/faces-000003/_search"),
    ("POST", "/faces-v1-0123456789abcdef/_bulk"),
    ("POST", "/faces-v1-0123456789abcdef/_search"),
    ("POST", "/faces/_search"),
    ("PUT", "/faces-000001"),
    ("PUT", "/faces-000001/_block/write"),
    ("PUT", "/faces-000002"),
    ("PUT", "/faces-000002/_block/write"),
    ("PUT", "/faces-000002/_mapping"),
    ("PUT", "/faces-000002/_settings"),
    ("PUT", "/faces-000003"),
    ("PUT", "/faces-000003/_mapping"),
    ("DELETE", "/faces-000001"),
    ("DELETE", "/faces-000002"),
]
"""By `status`, `forget` and `reindex`: `test_operators.py` runs them, and holds this to it."""

ASKED_BY_RUNBOOKS: list[Asked] = [("GET", "/_cluster/allocation/explain")]
"""By hand, as cdk/README.md says."""

ASKED_BY_REEMBEDDING: list[Asked] = [
    ("GET", "/faces-*/_mapping"),
    ("GET", "/faces-000001/_stats"),
    ("GET", "/faces-000002/_mapping"),
    ("GET", "/faces/_mapping"),
    ("POST", "/_aliases"),
    ("POST", "/_reindex"),
    ("POST", "/faces-000001/_count"),
    ("POST", "/faces-000001/_refresh"),
    ("POST", "/faces-000001/_search"),
    ("POST", "/faces-000002-v1-0123456789abcdef/_bulk"),
    ("POST", "/faces-000002/_count"),
    ("POST", "/faces-000002/_mget"),
    ("POST", "/faces-000002/_refresh"),
    ("PUT", "/faces-000001/_block/write"),
    ("PUT", "/faces-000001/_settings"),
    ("PUT", "/faces-000002"),
    ("PUT", "/faces-000002/_mapping"),
    ("PUT", "/faces-000002/_settings"),
    ("DELETE", "/faces-000001"),
]
"""By the function that embeds photos again: `test_reembedding.py` holds this to it."""


def named(path: str, index: str) -> str:
    """The path in the store `faces`, with an example for what differs from run to run."""
    path = path.partition("?")[0].replace(index, "faces")
    return re.sub(r"-v1-[0-9a-f]+", "-v1-0123456789abcdef", path)


ASKED_BY_SNAPSHOTS: list[Asked] = [
    ("GET", "/_snapshot/facesearch/NAME"),
    ("GET", "/_snapshot/facesearch/NAME/_status"),
    ("GET", "/_snapshot/facesearch/_all"),
    ("GET", "/faces-*/_mapping"),
    ("GET", "/faces-000002/_mapping"),
    ("GET", "/faces-000002/_recovery"),
    ("GET", "/faces/_mapping"),
    ("POST", "/_aliases"),
    ("POST", "/_snapshot/facesearch/NAME/_restore"),
    ("POST", "/faces-000002/_count"),
    ("POST", "/faces-000002/_refresh"),
    ("PUT", "/_snapshot/facesearch"),
    ("PUT", "/_snapshot/facesearch/NAME"),
]
"""By `snapshot`: `test_snapshot.py` holds this to it."""
