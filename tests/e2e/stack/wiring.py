"""What the synthesised template says of queues, bucket and functions: the only place it is said."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cdk.references import text_of
from tests.e2e.stack.errors import StackError

ACCOUNT = "123456789012"
"""The local S3 and SQS server's, and SAM's."""

QUEUE_ATTRIBUTES = ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds")

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Queue:
    """`dead_letters` names the queue for messages received `tries` times; "" for none."""

    name: str
    arn: str
    attributes: Mapping[str, str]
    dead_letters: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Notification:
    """Which events of the bucket go where; the filter's rules by name."""

    event: str
    queue_arn: str
    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StackBucket:
    """`cors` are the rules for browsers, as CloudFormation writes them."""

    name: str
    versioned: bool
    notifications: tuple[Notification, ...]
    cors: tuple[Properties, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """`layers` in the order in which they are laid over one another in /opt."""

    handler: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    memory_mb: int
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Mapped:
    """How Lambda feeds a function from a queue."""

    function: Function
    queue: Queue
    batch_size: int
    window_s: int
    concurrency: int
    partial_failures: bool


class StackTemplate:
    """A template on disk, its values as they are on this machine.

    `opensearch` is the host and port that stand for the domain.
    """

    def __init__(self, path: Path, region: str, opensearch: str) -> None:
        self._path = path
        self._region = region
        self._opensearch = opensearch
        self._content: dict[str, Any] = json.loads(path.read_text())
        self._resources: Mapping[str, Properties] = self._content["Resources"]

    def write_local(self, path: Path, environment: Mapping[str, str]) -> None:
        """Write it for SAM: with every function's environment as `mapped.function` has it."""
        for name, resource in self._of_type("AWS::Lambda::Function"):
            variables = {**self._environment(resource), **environment}
            self._resources[name]["Properties"]["Environment"] = {"Variables": variables}
        for _, method in self._of_type("AWS::ApiGateway::Method"):
            api = self._resources[method["RestApiId"]["Ref"]]["Properties"]
            # SAM overlooks the API's binary types, and sees those of an integration.
            for kind in api.get("BinaryMediaTypes", [])[:1]:
                handling = {"ContentType": kind, "ContentHandling": "CONVERT_TO_BINARY"}
                method["Integration"].update(handling)
        path.write_text(json.dumps(self._content))

    @cached_property
    def bucket(self) -> StackBucket:
        """The one that notifies."""
        for name, bucket in self._of_type("AWS::S3::Bucket"):
            configurations = bucket.get("NotificationConfiguration", {}).get(
                "QueueConfigurations", []
            )
            if configurations:
                versioned = bucket.get("VersioningConfiguration", {}).get("Status") == "Enabled"
                notifications = tuple(self._notification(each) for each in configurations)
                cors = tuple(bucket.get("CorsConfiguration", {}).get("CorsRules", []))
                return StackBucket(self.text({"Ref": name}), versioned, notifications, cors)
        raise StackError(f"{self._path}: no bucket notifies a queue")

    @cached_property
    def queues(self) -> Mapping[str, Queue]:
        """By ARN."""
        queues = [self._queue(name, each) for name, each in self._of_type("AWS::SQS::Queue")]
        return {queue.arn: queue for queue in queues}

    @cached_property
    def mapped(self) -> Mapped:
        (mapping,) = (each for _, each in self._of_type("AWS::Lambda::EventSourceMapping"))
        return Mapped(
            function=self._function(mapping["FunctionName"]["Ref"]),
            queue=self.queues[self.text(mapping["EventSourceArn"])],
            batch_size=mapping["BatchSize"],
            window_s=mapping.get("MaximumBatchingWindowInSeconds", 0),
            concurrency=mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 1),
            partial_failures="ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []),
        )

    def text(self, value: object) -> str:
        """A value with what CloudFormation would put into it."""
        try:
            return text_of(value, self._reference, self._attribute)
        except ValueError as error:
            raise StackError(f"{self._path}: {error}") from error

    def _attribute(self, name: str, of_it: str) -> str:
        if of_it == "Arn":
            return f"arn:aws:sqs:{self._region}:{ACCOUNT}:{self._queue_name(name)}"
        if of_it == "DomainEndpoint":
            return self._opensearch
        raise ValueError(f"the attribute {of_it} of {name} is not known here")

    def _reference(self, name: str) -> str:
        pseudo = {
            "AWS::Region": self._region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        named = self._resources[name].get("Properties", {}).get("BucketName")
        return self.text(named) if named is not None else name.lower()

    def _of_type(self, kind: str) -> Iterator[tuple[str, Properties]]:
        for name, resource in self._resources.items():
            if resource["Type"] == kind:
                yield name, resource["Properties"]

    def _notification(self, configuration: Properties) -> Notification:
        rules = configuration.get("Filter", {}).get("S3Key", {}).get("Rules", [])
        return Notification(
            configuration["Event"],
            self.text(configuration["Queue"]),
            {rule["Name"]: rule["Value"] for rule in rules},
        )

    def _queue_name(self, name: str) -> str:
        return str(self._resources[name]["Properties"].get("QueueName", name))

    def _queue(self, name: str, queue: Properties) -> Queue:
        redrive = queue.get("RedrivePolicy")
        return Queue(
            name=self._queue_name(name),
            arn=self.text({"Fn::GetAtt": [name, "Arn"]}),
            attributes={each: str(queue[each]) for each in QUEUE_ATTRIBUTES if each in queue},
            dead_letters=self.text(redrive["deadLetterTargetArn"]) if redrive else "",
            tries=redrive["maxReceiveCount"] if redrive else 0,
        )

    def _function(self, name: str) -> Function:
        function = self._resources[name]["Properties"]
        return Function(
            handler=function["Handler"],
            code=self._asset(name),
            layers=tuple(self._asset(each["Ref"]) for each in function["Layers"]),
            environment=self._environment(function),
            memory_mb=function["MemorySize"],
            timeout_s=function["Timeout"],
        )

    def _asset(self, name: str) -> Path:
        return self._path.parent / str(self._resources[name]["Metadata"]["aws:asset:path"])

    def _environment(self, function: Properties) -> dict[str, str]:
        variables = function.get("Environment", {}).get("Variables", {})
        values = {name: self.text(value) for name, value in variables.items()}
        if "FACESEARCH_STORE" in values:
            values["FACESEARCH_STORE"] = local_store(values["FACESEARCH_STORE"])
        return values


def local_store(url: str) -> str:
    """The domain's URL without what only AWS has: TLS, signatures, a region."""
    parts = urlsplit(url)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != "region"]
    return parts._replace(scheme="opensearch", query=urlencode(options)).geturl()
