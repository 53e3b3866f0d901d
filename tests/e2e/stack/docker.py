"""Docker as far as the stack needs it, by its command line."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.stack.errors import StackError

COMPOSE_FILE = Path(__file__).with_name("compose.yaml")


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


def compose_up(service: str, variables: Mapping[str, str]) -> str:
    """Start a service of the compose file; returns its container's name.

    What `docker compose up` does, which is not on every machine that has Docker.
    """
    text = COMPOSE_FILE.read_text()
    content = yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], text))
    network = content["networks"]["default"]["name"]
    need_network(network)
    container, run = _run_command(content["services"][service], content["volumes"], network)
    remove([container])
    need_image(run[-1])
    docker(*run)
    return container


def _run_command(
    service: Mapping[str, Any], volumes: Mapping[str, Any], network: str
) -> tuple[str, list[str]]:
    container = str(service["container_name"])
    options = [f"--env={name}={value}" for name, value in service["environment"].items()]
    options += [f"--publish={port}" for port in service["ports"]]
    for mount in service["volumes"]:
        volume, _, path = mount.partition(":")
        options.append(f"--volume={volumes[volume]['name']}:{path}")
    run = ["run", "--detach", f"--name={container}", f"--network={network}"]
    return container, [*run, *options, service["image"]]


def need_network(name: str) -> None:
    if name not in docker("network", "ls", "--format={{.Name}}").splitlines():
        docker("network", "create", name)


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


def remove_network(name: str) -> None:
    """With whatever is still running on it."""
    remove(docker("ps", "--all", "--quiet", f"--filter=network={name}").split())
    if name in docker("network", "ls", "--format={{.Name}}").splitlines():
        docker("network", "rm", name)
