"""A KMS key of the account's own, for all that holds photos, faces, or what is said of them."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_opensearchservice import CfnDomain
from constructs import Construct

from cdk.photo_bucket import ACCESS_LOG
from cdk.retention import removal_policy
from cdk.settings import StageSettings

_REUSE_S = 300
"""How long SQS uses a data key: the default, and what KMS is asked for is not much at any load."""


class CustomerKey(Construct):
    """The key. Roles and services may use it for what they do anyway, and nobody else may."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, photo_bucket_arn: str
    ) -> None:
        super().__init__(scope, id)
        self._key = kms.Key(
            self,
            "Key",
            description=f"{settings.stack}: photos, changes of photos, faces, logs and alarms",
            enable_key_rotation=True,
            removal_policy=removal_policy(settings),
        )
        alarms = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}:alarm:*"
        self._let_service("s3.amazonaws.com", photo_bucket_arn)
        self._let_service("cloudwatch.amazonaws.com", alarms)
        self._let_logs()

    @property
    def arn(self) -> str:
        return self._key.key_arn

    def encrypt(self, stack: Stack) -> None:
        """Have everything in the stack that can be encrypted with the key, encrypted with it."""
        encrypt_messages_and_logs(stack, self.arn)
        for each in stack.node.find_all():
            match each:
                # S3 can write its access log to no bucket that is encrypted with a key.
                case s3.CfnBucket() if each.node.scope and each.node.scope.node.id != ACCESS_LOG:
                    each.bucket_encryption = _bucket_encryption(self.arn)
                case CfnDomain():
                    each.encryption_at_rest_options = CfnDomain.EncryptionAtRestOptionsProperty(
                        enabled=True, kms_key_id=self._key.key_id
                    )

    def grant_read(self, to: iam.IGrantable) -> None:
        """Allow reading photos and messages."""
        self._grant(to, "kms:Decrypt")

    def grant_write(self, to: iam.IGrantable) -> None:
        """Allow adding photos and messages."""
        self._grant(to, "kms:GenerateDataKey")

    def _grant(self, to: iam.IGrantable, action: str) -> None:
        to.grant_principal.add_to_principal_policy(use_of_key(self.arn, action))

    def _let_service(self, name: str, source_arn: str) -> None:
        """Allow a service to send to the queue or the topic on behalf of this account's source."""
        self._key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(name)],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": source_arn},
                },
            )
        )

    def _let_logs(self) -> None:
        groups = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"
        self._key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.{Aws.URL_SUFFIX}")],
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )


def use_of_key(key_arn: str, *actions: str) -> iam.PolicyStatement:
    """Using the key for photos and messages, through their services only."""
    services = [f"{name}.{Aws.REGION}.{Aws.URL_SUFFIX}" for name in ("s3", "sqs")]
    return iam.PolicyStatement(
        actions=list(actions),
        resources=[key_arn],
        conditions={"StringEquals": {"kms:ViaService": services}},
    )


def encrypt_messages_and_logs(stack: Stack, key_arn: str) -> None:
    """Have all queues, topics and logs of the stack encrypted with the key."""
    for each in stack.node.find_all():
        match each:
            case sqs.CfnQueue():
                each.sqs_managed_sse_enabled = False
                each.kms_master_key_id = key_arn
                each.kms_data_key_reuse_period_seconds = _REUSE_S
            case sns.CfnTopic():
                each.kms_master_key_id = key_arn
            case logs.CfnLogGroup():
                each.kms_key_id = key_arn


def _bucket_encryption(key_arn: str) -> s3.CfnBucket.BucketEncryptionProperty:
    return s3.CfnBucket.BucketEncryptionProperty(
        server_side_encryption_configuration=[
            s3.CfnBucket.ServerSideEncryptionRuleProperty(
                # One data key for many photos: a hundredth of the requests to KMS.
                bucket_key_enabled=True,
                server_side_encryption_by_default=s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                    sse_algorithm="aws:kms", kms_master_key_id=key_arn
                ),
            )
        ]
    )
