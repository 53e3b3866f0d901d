"""Log groups, which keep logs as long as their stage says."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.settings import StageSettings


def log_group(scope: Construct, id: str, settings: StageSettings) -> logs.LogGroup:
    """A log group with the stage's retention. It is deleted with the stack."""
    group = logs.LogGroup(scope, id, removal_policy=RemovalPolicy.DESTROY)
    # The plain property takes days; the construct's own takes a list of names for them.
    plain = group.node.default_child
    if not isinstance(plain, logs.CfnLogGroup):
        raise TypeError("the group is not made of a CfnLogGroup")
    plain.retention_in_days = settings.log_days
    return group
