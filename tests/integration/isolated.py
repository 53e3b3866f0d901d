"""A program in a network of its own, where a name server on loopback notes whom it asks for.

Run inside the namespaces that `tests.integration.test_network` makes:
`python isolated.py SECONDS COMMAND…` prints the names that were asked for, and the addresses that
were spoken to, as JSON.
"""

import ipaddress
import json
import socket
import subprocess
import sys
import threading
import time

WAY_OUT = "out"


def name_of(query: bytes) -> str:
    """The name that a DNS query (RFC 1035, section 4.1.2) asks for."""
    labels, place = [], 12
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode("ascii", "replace"))
        place += 1 + query[place]
    return ".".join(labels)


def address_in(packet: bytes) -> str | None:
    """Whom an IP packet of TCP or UDP is for; None for others, such as the kernel's own."""
    version = packet[0] >> 4
    protocol, target = (packet[9], packet[16:20]) if version == 4 else (packet[6], packet[24:40])
    if protocol not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return None
    return str(ipaddress.ip_address(target))


def main() -> None:
    seconds, *command = sys.argv[1:]
    asked: list[str] = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def note() -> None:
        while True:
            query, _ = server.recvfrom(4096)
            asked.append(name_of(query))

    # All that is not for loopback goes this way, and nobody answers.
    way_out = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    way_out.bind((WAY_OUT, 0))

    def note_packets() -> None:
        while True:
            packet, (_, _, kind, *_) = way_out.recvfrom(65536)
            address = address_in(packet) if kind == socket.PACKET_OUTGOING else None
            if address is not None and address not in asked:
                asked.append(address)

    threading.Thread(target=note, daemon=True).start()
    threading.Thread(target=note_packets, daemon=True).start()
    started = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    # What a program leaves behind in the background may ask later.
    time.sleep(max(0.0, started + float(seconds) - time.monotonic()))
    print(json.dumps({"code": done.returncode, "asked": asked}))


if __name__ == "__main__":
    main()
