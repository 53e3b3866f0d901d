"""A Lambda function in the Lambda runtime image, called by way of its interface emulator."""

import http.client
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.e2e.stack.docker import docker, need_image, remove
from tests.e2e.stack.errors import StackError
from tests.e2e.stack.wiring import Function

IMAGE = "public.ecr.aws/lambda/python:3.13"
PATH = "2015-03-31/functions/function/invocations"
START_S = 30.0
GRACE_S = 10.0
"""Beyond the function's own time-out, which the emulator keeps."""


class InvocationFailed(Exception):
    """The function did not answer: it failed, took too long, or its environment died."""


def lay_layers(function: Function, opt: Path) -> None:
    """The layers over one another, as in /opt."""
    shutil.rmtree(opt, ignore_errors=True)
    for layer in function.layers:
        shutil.copytree(layer, opt, copy_function=os.link, dirs_exist_ok=True)


class ExecutionEnvironment:
    """One container at a time; a new one when the last has died, as Lambda does."""

    def __init__(
        self,
        name: str,
        network: str,
        function: Function,
        opt: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._name = name
        self._network = network
        self._function = function
        self._opt = opt
        self._environment = environment
        self._url = ""

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The function's answer. Raises `InvocationFailed`; the next call gets a new container."""
        if not self._url:
            self._start()
        url = f"{self._url}/{PATH}"
        request = Request(url, json.dumps(event).encode(), method="POST")  # noqa: S310 (our own)
        try:
            with urlopen(request, timeout=self._function.timeout_s + GRACE_S) as response:  # noqa: S310
                answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.stop()
            raise InvocationFailed(f"{type(error).__name__}: {error}") from error
        if isinstance(answer, dict) and "errorType" in answer:
            raise InvocationFailed(f"{answer['errorType']}: {answer.get('errorMessage')}")
        return answer

    def stop(self) -> None:
        self._url = ""
        remove([self._name])

    def _start(self) -> None:
        remove([self._name])
        need_image(IMAGE)
        variables = {
            **self._function.environment,
            **self._environment,
            "AWS_LAMBDA_FUNCTION_NAME": self._name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._function.memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._function.timeout_s),
        }
        docker(
            *("run", "--detach", f"--name={self._name}", f"--network={self._network}"),
            *("--publish=127.0.0.1::8080", f"--memory={self._function.memory_mb}m"),
            *(f"--volume={self._function.code}:/var/task:ro", f"--volume={self._opt}:/opt:ro"),
            *(f"--env={name}={value}" for name, value in variables.items()),
            *(IMAGE, self._function.handler),
        )
        address = docker("port", self._name, "8080/tcp").splitlines()[0]
        url = f"http://{address}"
        self._wait_for(url)
        self._url = url

    def _wait_for(self, url: str) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urlopen(url, timeout=5):  # noqa: S310
                    return
            except URLError as error:
                if hasattr(error, "code"):
                    return  # It answers: there is nothing at this path.
                reason: Exception = error
            except (OSError, http.client.HTTPException) as error:
                reason = error
            if time.monotonic() > deadline:
                log = docker("logs", "--tail=20", self._name)
                raise StackError(f"{self._name} does not start ({reason}): {log}")
            time.sleep(0.1)
