"""Docker as far as the stack needs it, by its command line."""

import json
import subprocess
from collections.abc import Iterable
from ipaddress import ip_network

from tests.e2e.stack.errors import StackError


def docker(*arguments: str) -> str:
    """What the command prints. Raises `StackError` with what it complains of."""
    try:
        done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise StackError("there is no docker command: install Docker") from error
    except subprocess.CalledProcessError as error:
        raise StackError(f"docker {arguments[0]}: {error.stderr.strip()}") from error
    return done.stdout.strip()


def need_image(image: str) -> None:
    """Pull it if it is not here."""
    try:
        docker("image", "inspect", image)
    except StackError:
        docker("pull", image)


def gateway() -> str:
    """This machine's address as containers see it: the first of the bridge's, unless it says."""
    bridge = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]
    first = ip_network(bridge["Subnet"])[1]
    return str(bridge.get("Gateway") or first)


def remove(containers: Iterable[str]) -> None:
    """They may be running, or not there at all."""
    names = list(containers)
    if names:
        docker("rm", "--force", "--volumes", *names)


def labelled(label: str) -> list[str]:
    """The containers with this label, by id."""
    return docker("ps", "--all", "--quiet", f"--filter=label={label}").split()


def remove_labelled(label: str) -> None:
    remove(labelled(label))
