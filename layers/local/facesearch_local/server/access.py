"""Access control: the host names of this machine, and the API key."""

import hmac
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_address

from facesearch_local.server.refusing import Refused
from search_faces.problems import HttpProblem

WRONG_KEY = HttpProblem(
    HTTPStatus.FORBIDDEN,
    "forbidden",
    "The API key is missing or unknown",
    "the API key is missing or unknown: send the one that `facesearch serve` prints when it starts "
    "in the header X-Api-Key",
)


UNKNOWN_HOST = HttpProblem(
    HTTPStatus.MISDIRECTED_REQUEST,
    "unknown_host",
    "This service does not go by that name",
    "the request's Host is no name of this service: use its address, or start it with --allow-host",
)


@dataclass(frozen=True, slots=True)
class Access:
    """The host names that are accepted, and the keys; `api_key` "" asks for none.

    `limited` has the ids of further keys, by the keys: what those may see, the API knows.
    """

    hosts: frozenset[str]
    api_key: str
    limited: Mapping[str, str] = field(default_factory=dict)

    def check_host(self, host: str) -> None:
        """Raise `Refused` for an unknown host name: another site's may lead here (DNS rebinding).

        An address leads nobody astray.
        """
        name = host_name(host)
        if not is_address(name) and name not in self.hosts:
            problem = replace(
                UNKNOWN_HOST,
                detail=f"the request's Host is '{name[:100]}', no name of this service: use its "
                f"address, or start it with --allow-host {name[:100] or 'NAME'}",
            )
            raise Refused(problem)

    def check_key(self, given: str) -> str:
        """The id of a limited key, else "". Raises `Refused` for a wrong key, if a key is set."""
        if not self.api_key or _same(given, self.api_key):
            return ""
        for key, key_id in self.limited.items():
            if _same(given, key):
                return key_id
        raise Refused(WRONG_KEY)


def _same(given: str, key: str) -> bool:
    return hmac.compare_digest(given.encode(), key.encode())


def own_hosts(more: Iterable[str] = ()) -> frozenset[str]:
    """The names of this machine, without asking the network, and `more` names."""
    own = socket.gethostname()
    return frozenset(
        each.lower().rstrip(".")
        for each in ("localhost", own, own.partition(".")[0], f"{own.partition('.')[0]}.local")
    ) | frozenset(each.lower().rstrip(".") for each in more)


def host_name(host: str) -> str:
    """The host in a Host header: in lower case, without port and without IPv6's brackets."""
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
    """Whether only programs on this machine can reach `host`."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)
