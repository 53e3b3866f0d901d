"""The process behind a stack: it starts the parts, keeps them, and stops them on SIGTERM."""

import logging
import os
import signal
from contextlib import ExitStack
from threading import Event

from tests.e2e.stack.certificate import certificate_for
from tests.e2e.stack.config import Config, Running
from tests.e2e.stack.docker import gateway
from tests.e2e.stack.domain import DomainPermissions, serving_domain
from tests.e2e.stack.emulator import Emulator
from tests.e2e.stack.opensearch import running_opensearch, wait_until_ready

_log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Until SIGTERM or SIGINT; `config.running_file` is there while the parts answer."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    host = gateway()
    certificate = certificate_for(host, config.folder)
    emulator = Emulator(config.name, host, config.aws_port, config.region, certificate)
    aws = emulator.client_environment
    permissions = DomainPermissions(aws, emulator.label)
    with ExitStack() as parts:
        parts.callback(config.running_file.unlink, missing_ok=True)
        opensearch = parts.enter_context(
            running_opensearch(f"{config.name}-opensearch", config.opensearch_port)
        )
        domain = (host, config.domain_port)
        parts.enter_context(
            serving_domain(domain, config.opensearch_port, certificate, permissions.refusal)
        )
        if emulator.remembers(config.folder):
            # Messages that are left in its queues would fail, and come again after minutes.
            wait_until_ready(opensearch)
        parts.enter_context(emulator.running(f"{host}:{config.domain_port}", config.folder))
        parts.callback(permissions.session.close)
        Running(os.getpid(), aws, opensearch).save(config.running_file)
        _log.info("up")
        stopping.wait()
        _log.info("stopping")
