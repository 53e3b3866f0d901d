"""`python -m tests.e2e.stack up|down`: the commands behind `make up` and `make down`."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import click

from tests.e2e.stack.config import Config, Running
from tests.e2e.stack.deployment import build_layers, deploy, write_environment
from tests.e2e.stack.docker import docker
from tests.e2e.stack.errors import StackError
from tests.e2e.stack.sam import write_sam_template
from tests.e2e.stack.tools import cdk_command

START_S = 600.0
"""The first start builds layers and images, and downloads what they are made of."""

STOP_S = 200.0


def _options(command: Callable[..., None]) -> Callable[..., None]:
    def option(flag: str, default: str | int, text: str) -> Callable[..., Callable[..., None]]:
        return click.option(flag, default=default, show_default=True, help=text)

    for decorate in (
        option("--stage", "dev", "The stage that is deployed."),
        option("--region", "eu-west-1", "The AWS region that the parts believe to be in."),
        option("--opensearch-port", 9200, "Where OpenSearch answers, without TLS."),
        option("--domain-port", 9243, "Where it answers to signed requests, as AWS's domains do."),
        option("--aws-port", 4566, "Where AWS answers, and the deployed API."),
        option("--name", "facesearch", "Containers and the volume are named by it."),
    ):
        command = decorate(command)
    return command


@click.group(context_settings={"auto_envvar_prefix": "FACESEARCH_STACK"})
def main() -> None:
    """The whole system on this machine."""


@main.command()
@_options
def up(**options: str | int) -> None:
    """Start everything and deploy; once it is up, deploy what has changed."""
    config = Config(**options)  # type: ignore[arg-type] # click made them what they are
    docker("info", "--format={{.ID}}")
    running = _running(config)
    if not running:
        _check_ports(config)
    build_layers()
    cdk_command()
    if not running:
        _start(config)
    running = Running.load(config.running_file)
    deployment = deploy(config, running)
    api_url, outputs = deployment.api_url(), deployment.outputs()
    write_environment(config.environment_file, running, outputs)
    sam = write_sam_template(deployment)
    click.echo(f"API         {api_url}/v1/search  (header x-api-key: {deployment.api_key()})")
    click.echo(f"page        {api_url}/  (its certificate is this machine's own)")
    click.echo(f"AWS         {running.aws['AWS_ENDPOINT_URL']}  (IAM is enforced)")
    click.echo(f"bucket      {outputs['PhotoBucket']}")
    click.echo(f"OpenSearch  {running.opensearch_url}")
    click.echo(f"for SAM     {sam}")
    click.echo(f"log         {config.folder}/*.log")
    click.echo(f"upload      . {config.environment_file}; aws s3 cp PHOTO s3://$PHOTO_BUCKET/")


@main.command()
@click.option("--name", default="facesearch", show_default=True, help="Which stack.")
@click.option("--erase", is_flag=True, help="Photos and faces go, too.")
def down(name: str, erase: bool) -> None:
    """Stop everything; photos and faces are kept."""
    config = Config(name, 0, 0, 0, "", "")
    running = _running(config)
    if running:
        os.kill(running.pid, signal.SIGTERM)
        _wait_for(lambda: not _lives(running.pid), STOP_S)
    if erase:
        with suppress(StackError):
            docker("volume", "rm", "--force", f"{name}-opensearch")
        shutil.rmtree(config.folder, ignore_errors=True)


@main.command(hidden=True)
@_options
def run(**options: str | int) -> None:
    """The process that `up` leaves behind."""
    from tests.e2e.stack.running import run as run_stack

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    run_stack(Config(**options))  # type: ignore[arg-type]


def _start(config: Config) -> None:
    config.folder.mkdir(parents=True, exist_ok=True)
    config.running_file.unlink(missing_ok=True)
    with config.log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.stack", "run", *config.options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _wait_for(lambda: config.running_file.exists() or process.poll() is not None, START_S)
    if not config.running_file.exists():
        with suppress(ProcessLookupError):
            process.terminate()
        tail = "\n".join(config.log_file.read_text(errors="replace").splitlines()[-5:])
        raise StackError(f"the stack did not start; {config.log_file} ends with:\n{tail}")


def _check_ports(config: Config) -> None:
    for option, port in config.ports.items():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            raise StackError(
                f"port {port} is in use: stop what uses it, or choose another with {option}"
            ) from error


def _running(config: Config) -> Running | None:
    with suppress(FileNotFoundError):
        running = Running.load(config.running_file)
        if _lives(running.pid):
            return running
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_for(condition: Callable[[], bool], most_s: float) -> None:
    deadline = time.monotonic() + most_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except (StackError, click.ClickException) as problem:
        message = problem.format_message() if isinstance(problem, click.ClickException) else problem
        click.echo(f"error: {message}", err=True)
        sys.exit(1)
