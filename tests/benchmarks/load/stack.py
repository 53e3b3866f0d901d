"""The whole system in containers under load: photos by S3 and the queue, searches by the API.

`make up` starts it. What it can do is measured until the queue is empty. To that rate the gateway
holds callers then, as an operator sets it: beyond it, it answers 429. Photos that were taken come
to the queue, which has to drain, and at the end each is looked for in the index. What is held is
that of the functions' environments and of OpenSearch; the emulator's own is not of the system.
"""

import json
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPSConnection
from math import ceil
from urllib.parse import urlsplit

from tests.benchmarks.load.client import Client
from tests.benchmarks.load.phases import (
    Phase,
    Report,
    closed_loop,
    held_by,
    open_loop,
    until_served,
)
from tests.e2e.stack.config import Config, Running
from tests.e2e.stack.docker import docker, labelled
from tests.e2e.system import RunningSystem

CLIENTS = 10
"""As many requests can be on their way; others wait here, which counts. The emulator starts an
environment for each, and holds the function's layers in its memory meanwhile: 100 took 14 GB.
"""
MEASURED_S = 40.0
UNLIMITED = 1000
LOOK_S = 10.0


def run(
    name: str, photos: Sequence[bytes], seconds: float, overload_s: float, share: float
) -> Report:
    """Of the running stack of this name, which loses what it holds."""
    running = Running.load(Config(name, 0, 0, 0, "eu-west-1", "dev").running_file)
    port = urlsplit(running.aws["AWS_ENDPOINT_URL"]).port
    config = Config(name, port or 443, 0, 0, running.aws["AWS_REGION"], "dev")
    system = RunningSystem(config, running)
    with closing(system.session):
        return load(system, photos, seconds, overload_s, share)


def load(
    system: RunningSystem,
    photos: Sequence[bytes],
    seconds: float,
    overload_s: float,
    share: float,
    measured_s: float = MEASURED_S,
) -> Report:
    """The stack loses what it holds, first."""
    system.clear()
    api = urlsplit(system.api_url)
    trusting = ssl.create_default_context(cafile=system.certificate)
    connect = partial(HTTPSConnection, str(api.hostname), api.port, timeout=60, context=trusting)
    headers = {"x-api-key": system.api_key}
    with closing(Client(connect, photos, api.path, headers)) as client:
        client.choose_searched()
        client.upload()
        with _rate_limited(system, UNLIMITED):
            closed_loop(client, measured_s / 2)
            system.wait_until_idle()
            start = time.monotonic()
            answered = closed_loop(client, measured_s)
            system.wait_until_idle()
            capacity = answered / (time.monotonic() - start)
        steady = Phase("steady", share * capacity, seconds)
        overload = Phase("overload", 2 * capacity, overload_s)
        held = partial(_held, system.config)
        with _rate_limited(system, capacity):
            open_loop(client, steady, CLIENTS, held, LOOK_S)
            system.wait_until_idle()
            open_loop(client, overload, CLIENTS, held, LOOK_S)
            start = time.monotonic()
            until_served(client)
            system.wait_until_idle()
            after_s = time.monotonic() - start
    in_index = system.keys()
    stored = {f"s3://{system.bucket}/{key}" for key in in_index}
    lost = [photo_id for photo_id in client.acknowledged if photo_id not in stored]
    lost += system.dead_letters()
    return Report(capacity, steady, overload, after_s, len(client.acknowledged), lost)


@contextmanager
def _rate_limited(system: RunningSystem, rate: float) -> Iterator[None]:
    """The gateway lets so many requests a second through, and bursts as the stack's are.

    It has two limits: the usage plan's of a caller, and the stage's of each route.
    """
    gateway = system.session.client("apigateway")
    (plan,) = gateway.get_usage_plans()["items"]
    (of,) = plan["apiStages"]
    stage = {"restApiId": of["apiId"], "stageName": of["stage"]}
    routes = gateway.get_stage(**stage)["methodSettings"]["*/*"]
    before = {
        "rateLimit": routes["throttlingRateLimit"],
        "burstLimit": routes["throttlingBurstLimit"],
    }

    def limit(of_plan: Mapping[str, float], of_routes: Mapping[str, float]) -> None:
        gateway.update_usage_plan(
            usagePlanId=plan["id"], patchOperations=_changes("/throttle", of_plan)
        )
        gateway.update_stage(**stage, patchOperations=_changes("/*/*/throttling", of_routes))

    ours = {"rateLimit": ceil(rate), "burstLimit": 2 * ceil(rate)}
    limit(ours, ours)
    try:
        yield
    finally:
        limit(plan["throttle"], before)


def _changes(place: str, limits: Mapping[str, float]) -> list[dict[str, str]]:
    return [
        {"op": "replace", "path": f"{place}/{name}", "value": str(limit)}
        for name, limit in limits.items()
    ]


def _held(config: Config) -> Mapping[str, float]:
    """Of the functions' environments, which are as many as were needed, and of OpenSearch."""
    functions = labelled(f"ministack.instance={config.name}:{config.aws_port}")
    containers = {
        each["Name"]: held_by(each["State"]["Pid"])
        for each in json.loads(docker("inspect", f"{config.name}-opensearch", *functions))
        if each["State"]["Running"]
    }
    engine = containers.pop(f"/{config.name}-opensearch")
    return {
        "environments": len(containers),
        "environments_mb": sum(each["memory_mb"] for each in containers.values()),
        "environments_handles": sum(each["handles"] for each in containers.values()),
        "opensearch_mb": engine["memory_mb"],
        "opensearch_handles": engine["handles"],
    }
