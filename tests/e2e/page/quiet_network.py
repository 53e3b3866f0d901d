"""A network of the browser's own: Chromium drops its connections at each change of a network.

Containers that start change the machine's. `python quiet_network.py SOCKET PROGRAM…` becomes the
program in a network namespace in which nothing changes, and in which one address listens: `PROXY`.
Who made `SOCKET` is handed that listener, and leads what comes there to where it wants.
"""

import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

PROXY = ("127.0.0.1", 1080)
OPTIONS = ("--proxy-server=socks5://127.0.0.1:1080", "--proxy-bypass-list=<-loopback>")
"""Chromium's, with which it takes that way; to this machine, too."""

READ_BYTES = 65536
_SET_UP = (
    "ip link set lo up",
    # Without an interface, Chromium says that it is offline.
    "ip link add out type veth peer name nobody",
    "ip address add 192.0.2.1/24 dev out",
    "ip link set nobody up",
    "ip link set out up",
)


def available() -> bool:
    """Whether this user may make such a network here."""
    if not (which("unshare") and which("ip")):
        return False
    return subprocess.run([*_unshare(), "true"], capture_output=True, check=False).returncode == 0


def _unshare() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--net", *user]


@contextmanager
def quiet_network(program: str) -> Iterator[str]:
    """A command that runs `program` in such a network; its way out is a proxy in this one."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as waiting:
        meeting, command = Path(folder, "meeting"), Path(folder, "program")
        inside = [sys.executable, __file__, str(meeting), program]
        line = shlex.join([*_unshare(), *inside])
        command.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        command.chmod(0o700)
        waiting.bind(str(meeting))
        waiting.listen()
        threading.Thread(target=_serve, args=(waiting,), daemon=True).start()
        yield str(command)


def _serve(waiting: socket.socket) -> None:
    connection, _ = waiting.accept()
    with connection:
        _, (descriptor, *_), _, _ = socket.recv_fds(connection, 1, 1)
    with socket.socket(fileno=descriptor) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_lead, args=(client,), daemon=True).start()


def _lead(client: socket.socket) -> None:
    """One connection by SOCKS 5 (RFC 1928), to an IPv4 address or a name."""
    with client, suppress(OSError):
        _, methods = _read(client, 2)
        _read(client, methods)
        client.sendall(b"\x05\x00")
        _, _, _, kind = _read(client, 4)
        if kind == 1:
            host = socket.inet_ntoa(_read(client, 4))
        else:
            (length,) = _read(client, 1)
            host = _read(client, length).decode()
        port = int.from_bytes(_read(client, 2))
        try:
            server = socket.create_connection((host, port), timeout=None)
        except OSError:
            client.sendall(b"\x05\x05\x00\x01" + bytes(6))
            return
        with server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _read(source: socket.socket, count: int) -> bytes:
    data = source.recv(count, socket.MSG_WAITALL)
    if len(data) < count:
        raise ConnectionError
    return data


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(READ_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def main() -> None:
    """Inside: bring up what listens, hand it out, become the program."""
    meeting, *program = sys.argv[1:]
    for line in _SET_UP:
        subprocess.run(line.split(), check=True)
    with socket.create_server(PROXY) as listener, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(meeting)
        socket.send_fds(connection, [b"1"], [listener.fileno()])
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
