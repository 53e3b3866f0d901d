"""Ingestion: the queue of changes, the function that indexes them, the dead-letter queue.

A photo's own failures end in the dead letters after `TRIES`. Those of the index use up no try: the
function sends the messages to the queue again (see functions/index_faces/index_faces/batches.py).
"""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.face_index import FaceIndex
from cdk.function import FaceFunction
from cdk.layers import Layers
from cdk.network import QUEUE_ACTIONS, PrivateNetwork
from cdk.notifications import may_send
from cdk.photo_bucket import PhotoBucket
from cdk.photos import FoundPhotos, Photos
from cdk.retention import removal_policy
from cdk.settings import StageSettings

TRIES = 5
POLLING_ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
KEPT = Duration.days(14)


class Ingestion(Construct):
    """A message that fails `TRIES` times is set aside, so that it cannot hold up the others."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        index: FaceIndex,
        network: PrivateNetwork | None,
    ) -> None:
        super().__init__(scope, id)
        size = settings.sizing.ingestion
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=KEPT,
            removal_policy=removal_policy(settings),
        )
        self.changes = sqs.Queue(
            self,
            "Changes",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(size.visibility_timeout_s),
            # The longest that SQS keeps one. A message that is sent again begins anew.
            retention_period=KEPT,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=TRIES),
        )
        self.photos = self._photos(settings)
        # A domain takes half an hour and may fail: until then no log gets into a bucket, which
        # could not be deleted then.
        self.photos.node.add_dependency(index)
        indexing = FaceFunction(
            self,
            "IndexFaces",
            package="index_faces",
            size=size,
            settings=settings,
            layers=layers,
            network=network,
            sends_again=True,
            environment={
                "FACESEARCH_STORE": index.store_url,
                "FACESEARCH_BUCKET": self.photos.bucket.bucket_name,
                **self.photos.environment,
                "FACESEARCH_REEMBEDDING": "off",
            },
        )
        index.grant_write(indexing.role)
        self.photos.grant_index(indexing.role)
        self.function = indexing.function
        # Lambda polls with the function's role. The CDK's own event source grants more than that.
        indexing.role.add_to_policy(
            iam.PolicyStatement(
                actions=sorted({*POLLING_ACTIONS, *QUEUE_ACTIONS}),
                resources=[self.changes.queue_arn],
            )
        )
        lambda_.EventSourceMapping(
            self,
            "Source",
            target=self.function,
            event_source_arn=self.changes.queue_arn,
            batch_size=size.batch_size,
            max_batching_window=Duration.seconds(size.window_s),
            max_concurrency=size.concurrency,
            report_batch_item_failures=True,
        )

    def _photos(self, settings: StageSettings) -> Photos:
        if not settings.bucket:
            return PhotoBucket(self, "Photos", settings=settings, changes=self.changes)
        found = FoundPhotos(self, "Photos", settings=settings, bucket_name=settings.bucket)
        # What the bucket itself has to be told, `cdk.connected` tells it.
        self.changes.add_to_resource_policy(may_send(found.arn, self.changes))
        return found
