"""What operators need: a dashboard, and alarms that notify one topic."""

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.alarms import alarms
from cdk.dashboard import dashboard
from cdk.metrics import Metrics
from cdk.settings import StageSettings


class Observability(Construct):
    """Each alarm has a runbook in cdk/README.md, under the alarm's own name."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, metrics: Metrics
    ) -> None:
        super().__init__(scope, id)
        self.topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        self.topic.add_to_resource_policy(_let_alarms_publish(self.topic))
        if settings.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        self.alarms: dict[str, cloudwatch.IAlarm] = {}
        for each in alarms(metrics, settings):
            alarm = cloudwatch.Alarm(
                self,
                each.name,
                alarm_description=f"{each.meaning} Runbook: cdk/README.md, '{each.name}'.",
                metric=each.metric,
                threshold=each.threshold,
                comparison_operator=each.comparison,
                evaluation_periods=each.periods,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(self.topic))
            alarm.add_ok_action(actions.SnsAction(self.topic))
            self.alarms[each.name] = alarm
        self.dashboard = dashboard(self, "Dashboard", metrics, list(self.alarms.values()))


def _let_alarms_publish(topic: sns.Topic) -> iam.PolicyStatement:
    """Allow alarms to publish. The topic's policy (HTTPS only) replaces SNS's, which does."""
    alarms_of_account = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}:alarm:*"
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        actions=["sns:Publish"],
        resources=[topic.topic_arn],
        conditions={
            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": alarms_of_account},
        },
    )
