"""One running stack for all the tests, on free ports, gone at the end."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.e2e.stack.certificate import certificate_for
from tests.e2e.stack.config import Config, Running
from tests.e2e.stack.deployment import Deployment, build_layers
from tests.e2e.stack.docker import gateway
from tests.e2e.stack.emulator import Emulator
from tests.e2e.system import RunningSystem, free_ports, stack_command
from tests.integration.lambda_image import why_not

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def system(models: Path) -> Iterator[RunningSystem]:
    """Everything up and empty."""
    reason = why_not()
    if reason:
        missing(f"the local stack needs Docker: {reason}")
    name = f"facesearch-e2e-{os.getpid()}"
    aws, domain, opensearch = free_ports(3)
    config = Config(name, aws, domain, opensearch, REGION, "dev")
    with ExitStack() as ending:
        ending.callback(stack_command, "down", f"--name={name}", "--erase")
        started = stack_command("up", *config.options)
        if started.returncode != 0:
            pytest.fail(f"the stack does not start: {started.stderr}")
        system = RunningSystem(config, Running.load(config.running_file))
        ending.callback(system.session.close)
        yield system


@pytest.fixture(scope="module")
def aws(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of an account that was bootstrapped; its domains lead nowhere."""
    reason = why_not()
    if reason:
        missing(f"the rehearsal needs Docker: {reason}")
    build_layers()
    folder, host = tmp_path_factory.mktemp("aws"), gateway()
    (port,) = free_ports(1)
    certificate = certificate_for(host, folder)
    emulator = Emulator("facesearch-rehearsal", host, port, REGION, certificate)
    with emulator.running(f"{host}:1", folder):
        Deployment(emulator.client_environment, "dev", folder / "cdk.out").bootstrap()
        yield emulator.client_environment
