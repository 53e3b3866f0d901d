"""What operators may do, as a policy that the account's owner attaches to their role."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.face_index import FaceIndex
from cdk.ingestion import Ingestion
from cdk.reembedding import reembedding_name


class Operators(Construct):
    """For what the README names: `facesearch status`, `reindex`, `reembed`, …, and the runbooks."""

    def __init__(
        self, scope: Construct, id: str, *, index: FaceIndex, ingestion: Ingestion
    ) -> None:
        super().__init__(scope, id)
        self.policy = iam.ManagedPolicy(
            self, "Policy", description="Operate facesearch: its index, photos and queues"
        )
        index.grant_operate(self.policy)
        ingestion.photos.grant_operate(self.policy)
        for queue, actions in (
            # What has to be indexed (again) is a message, as S3 sends it.
            (ingestion.changes, ["sqs:GetQueueUrl", "sqs:SendMessage"]),
            (
                ingestion.dead_letters,
                [
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:ListDeadLetterSourceQueues",
                    "sqs:ReceiveMessage",
                ],
            ),
        ):
            self.policy.add_statements(
                iam.PolicyStatement(actions=actions, resources=[queue.queue_arn])
            )
        # The function of the stack that embeds photos again, while there is one.
        reembedding = Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=reembedding_name(Stack.of(self).stack_name),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.policy.add_statements(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[reembedding])
        )
