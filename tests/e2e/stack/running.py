"""The process behind a stack: it starts the parts, keeps them, and stops them on SIGTERM."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import urlopen

from facesearch.settings import Settings
from layers.dependencies.build import build_dependencies
from layers.dependencies.models_layer import build_models
from tests.e2e.stack.aws import CREDENTIALS, LocalAws, serving
from tests.e2e.stack.config import ARCHITECTURE, ROOT, Config, Running
from tests.e2e.stack.docker import compose_up, gateway, remove, remove_network
from tests.e2e.stack.errors import StackError
from tests.e2e.stack.function import ExecutionEnvironment, lay_layers
from tests.e2e.stack.mapping import Poller
from tests.e2e.stack.sam import need_sam, start_api
from tests.e2e.stack.wiring import StackTemplate

START_S = 180.0
STOP_S = 30.0
ADDRESS = "127.0.0.1"

_log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Until SIGTERM or SIGINT; `config.running_file` is there while everything answers."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as parts:
        parts.callback(config.running_file.unlink, missing_ok=True)
        running = _Stack(config, parts).start(stopping)
        _wait_until_healthy(f"{running.api_url}/v1/health", stopping)
        running.save(config.running_file)
        _log.info("up")
        stopping.wait()
        _log.info("stopping")


class _Stack:
    """The parts in the order in which they need one another; stopped in the opposite one."""

    def __init__(self, config: Config, parts: ExitStack) -> None:
        self._config = config
        self._parts = parts
        self._host = gateway()
        self._aws_environment = {
            **CREDENTIALS,
            "AWS_REGION": config.region,
            "AWS_DEFAULT_REGION": config.region,
            "AWS_ENDPOINT_URL": f"http://{self._host}:{config.aws_port}",
        }

    def start(self, stopping: Event) -> Running:
        config = self._config
        sam = need_sam()
        self._parts.callback(remove_network, config.name)
        container = compose_up("opensearch", config.environment)
        self._parts.callback(remove, [container])
        template = self._synthesise(f"{container}:9200")
        aws = self._start_aws()
        queues = aws.make_queues(template.queues.values())
        aws.make_bucket(template.bucket, self._saved)
        self._parts.callback(aws.save, template.bucket.name, self._saved)
        _wait_until_healthy(f"{self._opensearch_url}/_cluster/health", stopping)
        self._start_indexing(template, aws, queues[template.mapped.queue.arn], stopping)
        self._start_sam(sam, template)
        return Running(
            pid=os.getpid(),
            api_url=f"http://{ADDRESS}:{config.api_port}",
            aws_url=self._aws_url,
            opensearch_url=self._opensearch_url,
            bucket=template.bucket.name,
            queue_url=queues[template.mapped.queue.arn],
            dead_letters_url=queues[template.mapped.queue.dead_letters],
        )

    @property
    def _saved(self) -> Path:
        return self._config.folder / "bucket.zip"

    @property
    def _aws_url(self) -> str:
        return f"http://{ADDRESS}:{self._config.aws_port}"

    @property
    def _opensearch_url(self) -> str:
        return f"http://{ADDRESS}:{self._config.opensearch_port}"

    def _synthesise(self, opensearch: str) -> StackTemplate:
        """What `cdk deploy` would deploy."""
        layers = ROOT / "build" / "layers"
        build_dependencies(ARCHITECTURE, layers / f"dependencies-{ARCHITECTURE}")
        build_models(Settings.from_env(os.environ).models, layers / "models")
        out = self._config.folder / "cdk.out"
        shutil.rmtree(out, ignore_errors=True)
        context = {"stage": self._config.stage, "architecture": ARCHITECTURE}
        # As the CDK's command line runs it.
        environment = {
            **os.environ,
            "CDK_OUTDIR": str(out),
            "FACESEARCH_BUILD": str(ROOT / "build"),
            "CDK_CONTEXT_JSON": json.dumps(context),
        }
        done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=False)
        if done.returncode != 0:
            raise StackError(f"the stack cannot be synthesised: {self._config.log_file} tells why")
        (template,) = out.glob("*.template.json")
        return StackTemplate(template, self._config.region, opensearch)

    def _start_aws(self) -> LocalAws:
        addresses = list(dict.fromkeys((ADDRESS, self._host)))
        self._parts.enter_context(serving(addresses, self._config.aws_port))
        return LocalAws(self._aws_url, self._config.region)

    def _start_indexing(
        self, template: StackTemplate, aws: LocalAws, queue_url: str, stopping: Event
    ) -> None:
        mapped = template.mapped
        opt = self._config.folder / "opt"
        lay_layers(mapped.function, opt)
        for number in range(min(mapped.concurrency, os.cpu_count() or 1)):
            environment = ExecutionEnvironment(
                f"{self._config.name}-index-{number}",
                self._config.name,
                mapped.function,
                opt,
                self._aws_environment,
            )
            self._parts.callback(environment.stop)
            poller = Poller(mapped, queue_url, self._config.region, aws.sqs, environment)
            thread = Thread(target=_kept_running(poller.run), args=(stopping,), daemon=True)
            thread.start()
            self._parts.callback(thread.join, STOP_S)
        # Also when another part fails to start.
        self._parts.callback(stopping.set)

    def _start_sam(self, sam: Path, template: StackTemplate) -> None:
        local = self._config.folder / "cdk.out" / "local.json"
        # Where forms for new photos lead: the page's policy has to name it.
        origin = {"FACESEARCH_UPLOAD_ORIGIN": self._aws_environment["AWS_ENDPOINT_URL"]}
        template.write_local(local, {**self._aws_environment, **origin})
        log = self._config.folder / "sam.log"
        process = start_api(sam, self._config, local, self._aws_environment, log)
        self._parts.callback(_stop, process)


def _kept_running(run: Callable[[Event], None]) -> Callable[[Event], None]:
    """A poller that cannot go on tells why, and tries again."""

    def kept(stopping: Event) -> None:
        while not stopping.is_set():
            try:
                run(stopping)
            except Exception:  # noqa: BLE001 (whatever it is, the log has it)
                _log.exception("the poller starts again")
                stopping.wait(1)

    return kept


def _stop(process: "subprocess.Popen[bytes]") -> None:
    # It removes its containers when interrupted.
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
        return
    process.kill()
    process.wait()


def _wait_until_healthy(url: str, stopping: Event) -> None:
    deadline = time.monotonic() + START_S
    while not stopping.is_set():
        try:
            with urlopen(url, timeout=60):  # noqa: S310 (our own)
                return
        except HTTPError as error:
            reason = f"{error.code} {error.read()[:500].decode(errors='replace')}"
        except OSError as error:
            reason = str(error)
        if time.monotonic() > deadline:
            raise StackError(f"{url} does not answer: {reason}")
        stopping.wait(0.5)
