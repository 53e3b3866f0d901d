"""The stack that embeds all photos again: made beside the running one, and deleted afterwards.

It holds the new models. The running functions keep the old ones, and go on, until the new index is
in place. Its function alone may replace an index, which the others may not.
"""

from dataclasses import replace

from aws_cdk import CfnOutput, Duration, Environment, Fn, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.assets import BuiltLayers
from cdk.face_index import FaceIndex, FoundDomain
from cdk.function import FaceFunction
from cdk.key import encrypt_messages_and_logs, use_of_key
from cdk.layers import Layers
from cdk.network import QUEUE_ACTIONS, PrivateNetwork
from cdk.photos import FoundPhotos
from cdk.settings import StageSettings

IMPORTED = (
    *("PhotoBucket", "IndexEndpoint", "IndexArn", "KeyArn"),
    *("SubnetIds", "SecurityGroupId"),
)
"""The outputs of the running stack that this one takes."""

TRIES = 5
STEP_EVERY = Duration.minutes(5)
"""Longer than the function's time-out and a late event together: steps never run side by side."""
LATEST_S = 60


def export_name(settings: StageSettings, output: str) -> str:
    """The name under which CloudFormation knows the running stack's output."""
    return f"{settings.stack}-{output}"


def reembedding_name(stack: str) -> str:
    """The name of the stack beside the running one, and of its function."""
    return f"{stack}-reembedding"


class ReembeddingStack(Stack):
    """A queue of photos, the function that embeds them again, and a clock that keeps it going."""

    def __init__(
        self, scope: Construct, *, settings: StageSettings, built: BuiltLayers, env: Environment
    ) -> None:
        name = reembedding_name(settings.stack)
        about = f"facesearch: embeds all photos of {settings.stack} again"
        super().__init__(scope, name, env=env, description=about)

        def running(output: str) -> str:
            return Fn.import_value(export_name(settings, output))

        network = self._network(settings) if settings.vpc else None
        domain = FoundDomain(running("IndexEndpoint"), running("IndexArn"))
        index = FaceIndex(self, "Index", settings=settings, network=network, found=domain)
        photos = FoundPhotos(self, "Photos", settings=settings, bucket_name=running("PhotoBucket"))
        size = replace(settings.sizing.ingestion, concurrency=settings.reembedding)
        dead_letters = self._queue("DeadLetters")
        queue = self._queue(
            "Waiting",
            visibility_timeout=Duration.seconds(size.visibility_timeout_s),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=TRIES),
        )
        embedding = FaceFunction(
            self,
            "Reembed",
            package="index_faces",
            module="reembedding.handler",
            name=name,
            size=size,
            settings=settings,
            layers=Layers(self, "Layers", settings=settings, built=built),
            network=network,
            sends_again=True,
            environment={
                "FACESEARCH_STORE": index.store_url,
                "FACESEARCH_BUCKET": photos.bucket.bucket_name,
                **photos.environment,
                "FACESEARCH_REEMBEDDING": "on",
                "FACESEARCH_QUEUE": queue.queue_url,
                "FACESEARCH_CONCURRENCY": str(size.concurrency),
            },
        )
        index.grant_rebuild(embedding.role)
        photos.grant_index(embedding.role)
        embedding.role.add_to_policy(
            iam.PolicyStatement(
                actions=sorted({"sqs:GetQueueAttributes", "sqs:ReceiveMessage", *QUEUE_ACTIONS}),
                resources=[queue.queue_arn],
            )
        )
        if settings.customer_key:
            key = running("KeyArn")
            embedding.role.add_to_policy(use_of_key(key, "kms:Decrypt", "kms:GenerateDataKey"))
            encrypt_messages_and_logs(self, key)
        lambda_.EventSourceMapping(
            self,
            "Source",
            target=embedding.function,
            event_source_arn=queue.queue_arn,
            batch_size=size.batch_size,
            max_batching_window=Duration.seconds(size.window_s),
            max_concurrency=size.concurrency,
            report_batch_item_failures=True,
        )
        self._start_clock(embedding.function)
        for output, value in {
            "Function": name,
            "ReembeddingQueue": queue.queue_url,
            "ReembeddingDeadLetterQueue": dead_letters.queue_url,
        }.items():
            CfnOutput(self, output, value=value)

    def _network(self, settings: StageSettings) -> PrivateNetwork:
        """The running stack's: the subnets and the group of its functions."""
        subnets = Fn.split(",", Fn.import_value(export_name(settings, "SubnetIds")))
        group = Fn.import_value(export_name(settings, "SecurityGroupId"))
        there = replace(
            settings,
            # Named for the CDK: functions are told the subnets only.
            vpc_id=export_name(settings, "VpcId"),
            subnet_ids=tuple(Fn.select(zone, subnets) for zone in range(settings.zones)),
            security_group_id=group,
            # It has its domain already, whose group lets the functions in.
            domain_endpoint=export_name(settings, "IndexEndpoint"),
        )
        return PrivateNetwork(self, "Network", settings=there)

    def _queue(
        self,
        id: str,
        *,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
        )

    def _start_clock(self, function: lambda_.Function) -> None:
        function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.seconds(LATEST_S))
        events.Rule(
            self,
            "Clock",
            schedule=events.Schedule.rate(STEP_EVERY),
            targets=[
                targets.LambdaFunction(
                    function,
                    event=events.RuleTargetInput.from_object({"reembed": "step"}),
                    retry_attempts=0,
                    max_event_age=Duration.seconds(LATEST_S),
                )
            ],
        )
