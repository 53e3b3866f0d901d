"""An OpenSearch in a container of its own, whose data stay for the next run."""

import subprocess
import time

from facesearch.errors import FacesearchError
from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.settings import OpenSearchSettings

IMAGE = "opensearchproject/opensearch:3.5.0"
NAME = "facesearch-scale"
PORT = 9234
START_S = 180


def start_server(heap: str) -> str:
    """Its URL. Container and volume are called `NAME`; `docker stop` and `start` keep both."""
    state = ("docker", "container", "inspect", "--format", "{{.State.Running}}", NAME)
    running = subprocess.run(state, capture_output=True, text=True, check=False)
    if running.returncode:
        command = [
            *("docker", "run", "--detach", "--name", NAME),
            *("--publish", f"127.0.0.1:{PORT}:9200"),
            *("--volume", f"{NAME}:/usr/share/opensearch/data"),
            *("--env", "discovery.type=single-node", "--env", "DISABLE_SECURITY_PLUGIN=true"),
            *("--env", f"OPENSEARCH_JAVA_OPTS=-Xms{heap} -Xmx{heap}"),
            *("--env", "cluster.routing.allocation.disk.threshold_enabled=false"),
            IMAGE,
        ]
        subprocess.run(command, check=True, capture_output=True)
    elif running.stdout.strip() != "true":
        subprocess.run(["docker", "start", NAME], check=True, capture_output=True)
    url = f"opensearch://127.0.0.1:{PORT}"
    _wait(url)
    return url


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_S
    params = {"wait_for_status": "yellow", "timeout": "30s"}
    client = OpenSearchClient(OpenSearchSettings.from_url(url))
    try:
        while True:
            try:
                client.request("GET", "/_cluster/health", params=params, timeout_s=40)
            except FacesearchError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(2)
            else:
                return
    finally:
        client.close()
