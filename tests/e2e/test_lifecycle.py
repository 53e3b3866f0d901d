"""A stack whose data outlive it, by the CDK's own command line: its first failure to its return."""

from pathlib import Path
from typing import Any

import pytest

from cdk.deployed import record
from tests.e2e.conftest import REGION
from tests.e2e.stack.config import ACCOUNT
from tests.e2e.stack.deployment import Deployment
from tests.e2e.stack.errors import StackError
from tests.e2e.test_deployment import break_at_the_end, copy_source

pytestmark = [pytest.mark.slow, pytest.mark.long]

PHOTOS = f"facesearch-dev-photos-{ACCOUNT}-{REGION}"
KEPT = {"retain": "true"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkout, for a test to change."""
    return copy_source(tmp_path / "source")


def test_stack_is_created_at_the_second_try_protected_destroyed_and_can_be_taken_back(
    aws: dict[str, str], tmp_path: Path, source: Path
) -> None:
    stages = source / "cdk" / "stages"
    deployment = Deployment(aws, "dev", tmp_path / "out", KEPT, source=source)
    s3 = deployment.session.client("s3")
    cloudformation = deployment.session.client("cloudformation")

    whole = break_at_the_end(source)
    with pytest.raises(StackError, match="Broken"):
        deployment.deploy()
    assert not buckets(s3, "facesearch-dev-")
    (source / "cdk/stack.py").write_text(whole)
    deployment.deploy()
    assert len(buckets(s3, "facesearch-dev-")) == 2

    assert "protected" in record("facesearch-dev", cloudformation, stages)
    with pytest.raises(StackError, match="TerminationProtection"):
        deployment.destroy()
    # The next deployment leaves the protection on.
    deployment.deploy()
    (described,) = cloudformation.describe_stacks(StackName="facesearch-dev")["Stacks"]
    assert described["EnableTerminationProtection"] is True

    s3.put_object(Bucket=PHOTOS, Key="people/a.jpg", Body=b"a photo")
    cloudformation.update_termination_protection(
        StackName="facesearch-dev", EnableTerminationProtection=False
    )
    deployment.destroy()
    assert s3.get_object(Bucket=PHOTOS, Key="people/a.jpg")["Body"].read() == b"a photo"
    assert "is gone" in record("facesearch-dev", cloudformation, stages)

    kept = set(buckets(s3, "facesearch-dev-"))
    # Its notifications go to a queue that is gone. ministack will call the new one the same.
    s3.put_bucket_notification_configuration(Bucket=PHOTOS, NotificationConfiguration={})
    settings = {**KEPT, "restoring": "true"}
    restored = Deployment(aws, "dev", tmp_path / "out", settings, source=source)
    restored.deploy("--import-existing-resources")
    assert imported(cloudformation) == kept == set(restored.resources("AWS::S3::Bucket").values())
    assert not notified(s3, PHOTOS)
    deployment.deploy()
    assert s3.get_object(Bucket=PHOTOS, Key="people/a.jpg")["Body"].read() == b"a photo"
    queue = deployment.outputs()["ChangesQueue"].rpartition("/")[2]
    (arn,) = notified(s3, PHOTOS)
    assert arn.rpartition(":")[2] == queue
    deployment.destroy()


def buckets(s3: Any, prefix: str) -> list[str]:
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return [name for name in names if name.startswith(prefix)]


def notified(s3: Any, bucket: str) -> set[str]:
    """The queues that a bucket tells of changes."""
    told = s3.get_bucket_notification_configuration(Bucket=bucket)
    return {each["QueueArn"] for each in told.get("QueueConfigurations", [])}


def imported(cloudformation: Any) -> set[str]:
    """What has been taken into the stack."""
    events = cloudformation.describe_stack_events(StackName="facesearch-dev")["StackEvents"]
    done = [each for each in events if each["ResourceStatus"] == "IMPORT_COMPLETE"]
    return {each["PhysicalResourceId"] for each in done}
