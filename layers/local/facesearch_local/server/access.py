"""Who may ask: hosts that this machine goes by, and callers who know the key."""

import hmac
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address

from search_faces.problems import Problem

WRONG_KEY = Problem(
    HTTPStatus.FORBIDDEN,
    "forbidden",
    "The API key is missing or unknown",
    "send it in the header X-Api-Key: `facesearch serve` prints it when it starts",
)


@dataclass(frozen=True, slots=True)
class Access:
    """`api_key` "" lets everyone ask."""

    hosts: frozenset[str]
    api_key: str

    def host_problem(self, host: str) -> Problem | None:
        """Another site's name may lead a browser here (DNS rebinding): nothing is told to it.

        An address always may: it leads nobody astray.
        """
        name = host_name(host)
        if is_address(name) or name in self.hosts:
            return None
        return Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "unknown_host",
            "This service does not go by that name",
            f"start it with --allow-host {name[:100] or 'NAME'} if it should",
        )

    def key_problem(self, given: str) -> Problem | None:
        if not self.api_key or hmac.compare_digest(given.encode(), self.api_key.encode()):
            return None
        return WRONG_KEY


def own_hosts(more: Iterable[str] = ()) -> frozenset[str]:
    """What this machine is called, without asking the network, and `more` names."""
    own = socket.gethostname()
    return frozenset(
        each.lower().rstrip(".")
        for each in ("localhost", own, own.partition(".")[0], f"{own.partition('.')[0]}.local")
    ) | frozenset(each.lower().rstrip(".") for each in more)


def host_name(host: str) -> str:
    """A Host header without its port, in lower case; IPv6 addresses without brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach what listens at `host`."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)
