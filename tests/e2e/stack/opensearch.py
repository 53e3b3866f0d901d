"""OpenSearch in its official image; its data outlives the container."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.e2e.stack.docker import docker, need_image, remove
from tests.e2e.stack.errors import StackError

IMAGE = "opensearchproject/opensearch:3.5.0"
START_S = 180.0
SNAPSHOTS = "/usr/share/opensearch/data/snapshots"
"""Where it may keep snapshots, inside of the container."""


@contextmanager
def running_opensearch(name: str, port: int) -> Iterator[str]:
    """Started, perhaps not answering yet; yields its URL. The container is called `name`."""
    remove([name])
    need_image(IMAGE)
    docker(
        *("run", "--detach", f"--name={name}", f"--publish=127.0.0.1:{port}:9200"),
        *("--env=discovery.type=single-node", "--env=DISABLE_SECURITY_PLUGIN=true"),
        *("--env=DISABLE_INSTALL_DEMO_CONFIG=true", "--env=OPENSEARCH_JAVA_OPTS=-Xms512m -Xmx512m"),
        f"--env=path.repo={SNAPSHOTS}",
        *(f"--volume={name}:/usr/share/opensearch/data", IMAGE),
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        remove([name])


def wait_until_ready(url: str) -> None:
    """Raises `StackError` when it does not answer in time."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urlopen(f"{url}/_cluster/health?wait_for_status=yellow&timeout=5s", timeout=60):  # noqa: S310
                return
        except HTTPError as error:
            reason = f"{error.code} {error.read()[:500].decode(errors='replace')}"
        except OSError as error:
            reason = str(error)
        if time.monotonic() > deadline:
            raise StackError(f"OpenSearch at {url} does not answer: {reason}")
        time.sleep(0.2)
