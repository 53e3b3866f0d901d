"""The photos in a bucket: who may do what with them, wherever the bucket comes from."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.justified import justify_wildcards
from cdk.network import PrivateNetwork
from cdk.settings import StageSettings


class Photos(Construct):
    """The photos of a bucket, and grants that are limited to them."""

    bucket: s3.IBucket
    arn: str

    def __init__(self, scope: Construct, id: str, *, settings: StageSettings) -> None:
        super().__init__(scope, id)
        self._settings = settings

    @property
    def origin(self) -> str:
        """The origin to which pages send new photos."""
        return f"https://{self.bucket.bucket_name}.s3.{Aws.REGION}.{Aws.URL_SUFFIX}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that both functions need for the photos."""
        return {
            "FACESEARCH_COLLECTIONS": self._settings.collections,
            "FACESEARCH_PREFIX": self._settings.prefix,
        }

    def grant_upload(self, role: iam.Role) -> None:
        """Allow uploads by forms that the role signs, with tags where these name collections."""
        photos = self._photos()
        actions = ["s3:PutObject"]
        if self._settings.collections == "tag":
            actions.append("s3:PutObjectTagging")
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[photos]))
        justify_wildcards(role, [photos], "New photos get names of their own.")

    def grant_delete(self, role: iam.Role) -> None:
        """Allow deleting photos, but no version for good."""
        photos = self._photos()
        role.add_to_policy(iam.PolicyStatement(actions=["s3:DeleteObject"], resources=[photos]))
        justify_wildcards(role, [photos], "Any photo may be deleted where the setting says so.")

    def grant_index(self, role: iam.Role) -> None:
        """Allow reading photos, and their tags where these name collections."""
        self.grant_read(role)
        if self._settings.collections == "tag":
            role.add_to_policy(
                iam.PolicyStatement(actions=["s3:GetObjectTagging"], resources=[self._photos()])
            )

    def grant_operate(self, policy: iam.ManagedPolicy) -> None:
        """Allow finding and reading photos, to index them again."""
        photos = self._photos()
        reading = ["s3:GetObject"]
        if self._settings.collections == "tag":
            reading.append("s3:GetObjectTagging")
        policy.add_statements(
            iam.PolicyStatement(actions=reading, resources=[photos]),
            iam.PolicyStatement(
                # Whom the bucket notifies is how the commands find the queue.
                actions=["s3:GetBucketNotification", "s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
            ),
        )
        justify_wildcards(policy, [photos], "Any photo may have to be read: keys are the owners'.")

    def open_way_out(self, network: PrivateNetwork) -> None:
        """Let this bucket be reached from the network: this account's, and no other."""
        actions = ["s3:GetObject", "s3:ListBucket"]
        if self._settings.collections == "tag":
            actions.append("s3:GetObjectTagging")
        if self._settings.deletion:
            actions.append("s3:DeleteObject")
        network.let_out_to_s3(actions, [self.bucket.bucket_arn, self._photos()])

    def _photos(self) -> str:
        return self.bucket.arn_for_objects(f"{self._settings.prefix}*")

    def grant_read(self, role: iam.Role) -> None:
        """Allow reading photos, and listing: without it, a missing photo would be "forbidden"."""
        photos = self._photos()
        role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[photos]))
        role.add_to_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn])
        )
        justify_wildcards(role, [photos], "Any photo may have to be read: keys are the owners'.")


class FoundPhotos(Photos):
    """Photos in a bucket that is there: its owner's, or of another stack."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, bucket_name: str
    ) -> None:
        super().__init__(scope, id, settings=settings)
        self.bucket = s3.Bucket.from_bucket_name(self, "Bucket", bucket_name)
        self.arn = self.bucket.bucket_arn
