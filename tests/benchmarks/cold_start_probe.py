"""Runs in the Lambda runtime image: the way from the process's start to the first embedded face.

Prints, for each stage, the milliseconds since the process began and of processor time until then.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path


def since_start() -> tuple[float, float]:
    """Milliseconds by the clock (to 10) and of processor time."""
    began = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    now = time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")
    return now * 1000, time.process_time() * 1000


def main(package: str, photo: Path) -> None:
    """What Lambda does first (its client, the handler), then what the first event asks for.

    Nothing is sent: neither S3's nor OpenSearch's time to answer is in it.
    """
    stages = {"python": since_start()}
    importlib.import_module("awslambdaric.bootstrap")
    stages["runtime"] = since_start()
    handler = importlib.import_module(f"{package}.handler")
    stages["handler"] = since_start()
    service = handler.open_service()
    stages["service"] = since_start()
    service.pipeline.warm()
    stages["models"] = since_start()
    (found,) = service.pipeline.analyse([photo.read_bytes()])
    if not found.faces:
        raise SystemExit(f"there is no face in {photo}")
    stages["face"] = since_start()
    print(json.dumps(stages))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
