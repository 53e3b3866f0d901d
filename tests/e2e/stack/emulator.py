"""AWS on this machine: ministack behind TLS, with IAM in force and Lambda's own image."""

import os
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.e2e.stack.certificate import Certificate
from tests.e2e.stack.config import ACCOUNT
from tests.e2e.stack.docker import need_image, remove_labelled
from tests.e2e.stack.errors import StackError
from tests.e2e.stack.tools import python_tool

IMAGE = "public.ecr.aws/lambda/python:3.13"
START_S = 60.0
_APPLICATION = Path(__file__).parent / "emulated" / "as_on_aws.py"
STOP_S = 150.0


class Emulator:
    """Where it answers, how to reach it, and how to tell its containers from others'."""

    def __init__(
        self, name: str, host: str, port: int, region: str, certificate: Certificate
    ) -> None:
        self.url = f"https://{host}:{port}"
        self.label = f"ministack.instance={name}:{port}"
        self.certificate = certificate
        self._name = name
        self._host = host
        self._port = port
        self._region = region

    @property
    def client_environment(self) -> dict[str, str]:
        """In which AWS's clients are the account's owner here."""
        return {
            # An address, for which clients do not put the bucket into the host's name.
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_CA_BUNDLE": str(self.certificate.public),
        }

    @staticmethod
    def remembers(folder: Path) -> bool:
        """Whether it has been running there."""
        return (folder / "state").exists()

    @contextmanager
    def running(self, domain: str, folder: Path) -> Iterator[None]:
        """`domain` is host and port of every OpenSearch domain; `folder` keeps what is stored."""
        need_image(IMAGE)
        remove_labelled(self.label)
        command = [
            *(str(python_tool("ministack") / "python"), "-m", "hypercorn", f"{_APPLICATION}:app"),
            *(f"--bind=127.0.0.1:{self._port}", f"--bind={self._host}:{self._port}"),
            "--keep-alive=75",
            *("--certfile", str(self.certificate.public), "--keyfile", str(self.certificate.key)),
        ]
        with (folder / "ministack.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=self._environment(domain, folder),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C is for the stack, which stops its parts in order.
                start_new_session=True,
            )
        try:
            self._wait_for(process)
            yield
        finally:
            # Before it: their open connections would hold it up.
            remove_labelled(self.label)
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
            remove_labelled(self.label)

    def _environment(self, domain: str, folder: Path) -> Mapping[str, str]:
        public, key = str(self.certificate.public), str(self.certificate.key)
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if name in ("HOME", "PATH") or name.startswith("DOCKER_")
            },
            **self.client_environment,
            "AUTH": "true",
            "GATEWAY_PORT": str(self._port),
            "IOT_MTLS_ENABLED": "0",
            # Where forms for new photos lead here: the page's policy has to name it.
            "LAMBDA_DOCKER_FLAGS": f"-e FACESEARCH_UPLOAD_ORIGIN={self.url}",
            "LAMBDA_EXECUTOR": "docker",
            "LAMBDA_STRICT": "1",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            # A function that a busy machine starts late would have failed, and its messages waited.
            "MINISTACK_DOCKER_TIMEOUT": "120",
            "MINISTACK_HOST": self._host,
            # Its containers are labelled with it.
            "MINISTACK_HOSTNAME": self._name,
            "MINISTACK_OPENSEARCH_ENDPOINT": domain,
            "MINISTACK_REGION": self._region,
            "MINISTACK_SSL_CERT": public,
            "MINISTACK_SSL_KEY": key,
            "PERSIST_STATE": "1",
            "S3_DATA_DIR": str(folder / "s3"),
            "S3_PERSIST": "1",
            # The functions trust what it trusts.
            "SSL_CERT_FILE": public,
            "STATE_DIR": str(folder / "state"),
            "USE_SSL": "1",
        }

    def _wait_for(self, process: "subprocess.Popen[bytes]") -> None:
        trusting = ssl.create_default_context(cafile=str(self.certificate.public))
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urlopen(f"{self.url}/_ministack/health", timeout=5, context=trusting):  # noqa: S310
                    return
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise StackError("ministack does not start: ministack.log tells why") from error
            time.sleep(0.1)
