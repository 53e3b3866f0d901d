"""Snapshots of the index: a bucket of the account's own, and the role that writes to it."""

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.face_index import FaceIndex
from cdk.justified import justify, justify_wildcards
from cdk.retention import removal_policy
from cdk.settings import StageSettings


class Snapshots(Construct):
    """For `facesearch snapshot`. OpenSearch Service writes in the role, which operators pass to it.

    Nothing in the bucket expires: a snapshot holds only what the earlier ones do not.
    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshots.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: StageSettings,
        index: FaceIndex,
        operators: iam.ManagedPolicy,
    ) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=f"{stack.stack_name}-snapshots-{stack.account}-{stack.region}",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7))
            ],
            removal_policy=removal_policy(settings),
        )
        self.bucket.node.add_dependency(index)
        justify(self.bucket, ["S1"], "Only the index service reads and writes it, in one role.")
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "es.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": index.arn},
                },
            ),
        )
        objects = self.bucket.arn_for_objects("*")
        for actions, resource in (
            (["s3:ListBucket"], self.bucket.bucket_arn),
            (["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], objects),
        ):
            self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        justify_wildcards(self.role, [objects], "OpenSearch names the files of its snapshots.")
        self.outputs = {
            "SnapshotBucket": self.bucket.bucket_name,
            "SnapshotRole": self.role.role_arn,
        }
        index.grant_snapshots(operators)
        operators.add_statements(
            iam.PolicyStatement(actions=["iam:PassRole"], resources=[self.role.role_arn])
        )
