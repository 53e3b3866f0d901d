"""What becomes of data when its stack is deleted."""

from aws_cdk import RemovalPolicy

from cdk.settings import StageSettings


def removal_policy(settings: StageSettings) -> RemovalPolicy:
    """Data outlives a stack that says so, but not a creation that failed, when it is empty.

    Kept after a failed first deployment, a bucket would hold its name against the next one.
    """
    if settings.retain:
        return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    return RemovalPolicy.DESTROY
