"""The stack on the local AWS, by the CDK's own command line: as an operator deploys it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests

from cdk.reembedding import reembedding_name
from facesearch.recipes.finding import built_in
from facesearch.settings import Settings
from layers.dependencies.build import build_dependencies
from layers.dependencies.models_layer import build_models
from tests.e2e.stack.config import ACCOUNT, ARCHITECTURE, ROOT, Config, Running
from tests.e2e.stack.errors import StackError
from tests.e2e.stack.session import LocalSession
from tests.e2e.stack.tools import NODE, cdk_command

START_S = 120.0


class Deployment:
    """One stage's stack, with `settings` as `-c` gives them.

    `source` is the checkout that is deployed, `build` holds its built layers, `models` the recipes
    that were added; what is synthesised comes to `out`. With `reembedding` among the settings it is
    the stack beside the running one.
    """

    def __init__(
        self,
        aws: Mapping[str, str],
        stage: str,
        out: Path,
        settings: Mapping[str, str] | None = None,
        *,
        source: Path = ROOT,
        build: Path = ROOT / "build",
        models: Path | None = None,
    ) -> None:
        self._aws = aws
        self.out = out
        self._source = source
        self._build = build
        self._models = models
        self._context = {"stage": stage, "architecture": ARCHITECTURE, **(settings or {})}
        running = f"{self._context.get('name', 'facesearch')}-{stage}"
        beside = "reembedding" in self._context
        self.stack_name = reembedding_name(running) if beside else running
        self.url = aws["AWS_ENDPOINT_URL"]
        self.certificate = aws["AWS_CA_BUNDLE"]
        self.session = LocalSession(aws)

    def bootstrap(self) -> None:
        """Raises `StackError` with what the command says."""
        self._succeed("bootstrap", f"aws://{ACCOUNT}/{self._aws['AWS_REGION']}")

    def deploy(self, *arguments: str) -> None:
        """Raises `StackError` with what the command says."""
        self._succeed("deploy", "--require-approval=never", *arguments)
        if "ApiUrl" in self.outputs():
            self._know_binary_types()

    def diff(self) -> "subprocess.CompletedProcess[str]":
        """Exit code 1 tells of differences."""
        return self.cdk("diff", "--fail")

    def destroy(self) -> None:
        """Raises `StackError` with what the command says."""
        self._succeed("destroy", "--force")

    def outputs(self) -> dict[str, str]:
        """The stack's, by name."""
        (stack,) = self.session.client("cloudformation").describe_stacks(StackName=self.stack_name)[
            "Stacks"
        ]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def resources(self, kind: str) -> dict[str, str]:
        """The stack's of this type: their names on AWS by those in the template."""
        pages = self.session.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.stack_name)
            for each in page["StackResourceSummaries"]
            if each["ResourceType"] == kind
        }

    def api_url(self) -> str:
        """Where this machine answers for the API; ends without a slash."""
        host, _, path = self.outputs()["ApiUrl"].removeprefix("https://").partition("/")
        api = host.partition(".")[0]
        return f"{self.url}/_aws/execute-api/{api}/{path.rstrip('/')}"

    def api_key(self) -> str:
        """The value of the key that the stack makes."""
        key = self.outputs()["ApiKeyId"]
        return str(
            self.session.client("apigateway").get_api_key(apiKey=key, includeValue=True)["value"]
        )

    def cdk(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The command's end, and what it says."""
        context = [f"--context={name}={value}" for name, value in self._context.items()]
        return subprocess.run(
            [*cdk_command(), command, *arguments, f"--output={self.out}", "--ci", *context],
            cwd=self._source,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _succeed(self, command: str, *arguments: str) -> None:
        done = self.cdk(command, *arguments)
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise StackError(f"cdk {command} {self.stack_name}:\n{said}")

    def _environment(self) -> Mapping[str, str]:
        path = [str(NODE / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        return {
            **{name: os.environ[name] for name in ("HOME",) if name in os.environ},
            **self._aws,
            "PATH": os.pathsep.join(path),
            "FACESEARCH_BUILD": str(self._build),
            **({"FACESEARCH_MODELS": str(self._models)} if self._models else {}),
            # Nothing is told to anybody, and nothing asked.
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
            "CI": "true",
        }

    def _know_binary_types(self) -> None:
        """ministack overlooks this part of the API's document, which API Gateway reads."""
        gateway = self.session.client("apigateway", parameter_validation=False)
        api = self.outputs()["ApiUrl"].removeprefix("https://").partition(".")[0]
        known = {"op": "replace", "path": "/binaryMediaTypes", "value": ["*/*"]}
        gateway.update_rest_api(restApiId=api, patchOperations=[known])


def build_layers() -> None:
    """As `make layers` does."""
    layers = ROOT / "build" / "layers"
    build_dependencies(ARCHITECTURE, layers / f"dependencies-{ARCHITECTURE}")
    build_models(Settings.from_env(os.environ).models, layers / "models", built_in("facenet"))


def deploy(config: Config, running: Running) -> Deployment:
    """What is in this checkout, once it answers."""
    deployment = Deployment(running.aws, config.stage, config.folder / "cdk.out")
    deployment.bootstrap()
    deployment.deploy()
    _wait_until_healthy(deployment)
    return deployment


def write_environment(file: Path, running: Running, outputs: Mapping[str, str]) -> None:
    """For `. FILE` in a shell: AWS's clients, and the operator's commands, reach the local AWS."""
    variables = {
        **running.aws,
        # OpenSearch's client trusts by this one.
        "SSL_CERT_FILE": running.aws["AWS_CA_BUNDLE"],
        "PHOTO_BUCKET": outputs["PhotoBucket"],
        "STORE_URL": outputs["StoreUrl"],
        "DEAD_LETTER_QUEUE": outputs["DeadLetterQueue"],
    }
    file.write_text("".join(f"export {name}='{value}'\n" for name, value in variables.items()))


def _wait_until_healthy(deployment: Deployment) -> None:
    """Raises `StackError` when the deployed API does not answer in time."""
    url, headers = f"{deployment.api_url()}/v1/health", {"x-api-key": deployment.api_key()}
    deadline = time.monotonic() + START_S
    while True:
        answer = requests.get(url, headers=headers, timeout=60, verify=deployment.certificate)
        if answer.ok:
            return
        if time.monotonic() > deadline:
            raise StackError(f"{url} does not answer: {answer.status_code} {answer.text[:500]}")
        time.sleep(0.5)
