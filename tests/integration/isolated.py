"""A program in a network of its own, where a name server on loopback notes whom it asks for.

Run inside the namespaces that `tests.integration.test_network` makes:
`python isolated.py SECONDS COMMAND…` prints the names that were asked for, as JSON.
"""

import json
import socket
import subprocess
import sys
import threading
import time


def name_of(query: bytes) -> str:
    """The name that a DNS query (RFC 1035, section 4.1.2) asks for."""
    labels, place = [], 12
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode("ascii", "replace"))
        place += 1 + query[place]
    return ".".join(labels)


def main() -> None:
    seconds, *command = sys.argv[1:]
    asked: list[str] = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def note() -> None:
        while True:
            query, _ = server.recvfrom(4096)
            asked.append(name_of(query))

    threading.Thread(target=note, daemon=True).start()
    started = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    # What a program leaves behind in the background may ask later.
    time.sleep(max(0.0, started + float(seconds) - time.monotonic()))
    print(json.dumps({"code": done.returncode, "asked": asked}))


if __name__ == "__main__":
    main()
