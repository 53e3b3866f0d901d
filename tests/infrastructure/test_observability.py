"""Alarms and dashboard: that each watches something real, and reaches someone."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from cdk.assets import FUNCTIONS, ROOT
from facesearch.stages import Stage
from facesearch_local.planning.costs import ALARMS
from tests.infrastructure.template import Resource, Template

STAGES = {f"{stage}Latency" for stage in Stage}
ALARM = "AWS::CloudWatch::Alarm"
RUNBOOK = (ROOT / "cdk/README.md").read_text("utf-8")
WATCHED = (
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/ApiGateway", "5XXError"),
    ("AWS/ApiGateway", "Latency"),
    ("FaceSearch", "PhotosUndone"),
    ("AWS/ES", "AutomatedSnapshotFailure"),
    ("AWS/ES", "ClusterIndexWritesBlocked"),
    ("AWS/ES", "ClusterStatus.red"),
    ("AWS/ES", "Nodes"),
    ("AWS/ES", "FreeStorageSpace"),
    ("AWS/ES", "JVMMemoryPressure"),
)


@dataclass(frozen=True)
class Watched:
    """An alarm and the one metric that it is about."""

    rule: Resource
    namespace: str
    name: str
    statistic: str
    dimensions: dict[str, Any]


def alarms(template: Template) -> list[Watched]:
    found = []
    for alarm in template.of_type(ALARM):
        rule = alarm["Properties"]
        dimensions = {each["Name"]: each["Value"] for each in rule["Dimensions"]}
        statistic = rule.get("Statistic") or rule["ExtendedStatistic"]
        found.append(Watched(rule, rule["Namespace"], rule["MetricName"], statistic, dimensions))
    return found


def alarm_on(template: Template, name: str) -> Watched:
    (alarm,) = (alarm for alarm in alarms(template) if alarm.name == name)
    return alarm


def test_every_alarm_goes_to_the_topic_and_says_what_to_do(template: Template) -> None:
    topic = template.one("AWS::SNS::Topic")
    for alarm in template.of_type(ALARM):
        properties = alarm["Properties"]
        for actions in (properties["AlarmActions"], properties["OKActions"]):
            (target,) = actions
            assert template.target(target) is topic
        named = re.search(r"Runbook: cdk/README\.md, '(\w+)'\.$", properties["AlarmDescription"])
        assert named
        assert f"\n### {named[1]}\n" in RUNBOOK
        assert properties["TreatMissingData"] == "notBreaching"


def test_alarms_watch_letters_delays_errors_latency_and_cluster(template: Template) -> None:
    watched = [(alarm.namespace, alarm.name) for alarm in alarms(template)]
    assert sorted(watched) == sorted(WATCHED)


def test_dead_letter_alarm_watches_the_queue_of_dead_letters(template: Template) -> None:
    alarm = alarm_on(template, "ApproximateNumberOfMessagesVisible")
    queue = template.target(alarm.dimensions["QueueName"])
    assert "RedrivePolicy" not in queue["Properties"]
    assert alarm.rule["Threshold"] == 0
    assert alarm.rule["ComparisonOperator"] == "GreaterThanThreshold"


def test_delay_alarm_leaves_time_for_two_tries(template: Template) -> None:
    alarm = alarm_on(template, "ApproximateAgeOfOldestMessage")
    queue = template.target(alarm.dimensions["QueueName"])
    assert alarm.rule["Threshold"] == 2 * queue["Properties"]["VisibilityTimeout"]


def test_error_alarm_watches_the_index_function(template: Template) -> None:
    alarm = alarm_on(template, "Errors")
    function = template.target(alarm.dimensions["FunctionName"])
    assert function is template.function("index_faces")


def test_latency_alarm_is_about_the_slowest_hundredth(template: Template) -> None:
    assert alarm_on(template, "Latency").statistic == "p99"


def test_storage_alarm_comes_when_the_workload_is_exceeded(template: Template) -> None:
    alarm = alarm_on(template, "FreeStorageSpace")
    domain = template.one("AWS::OpenSearchService::Domain")
    assert template.target(alarm.dimensions["DomainName"]) is domain
    # In MiB; and the least of the nodes, not their sum.
    disk_mib = domain["Properties"]["EBSOptions"]["VolumeSize"] * 1024
    # 15 % of what Linux and the service leave; test_capacity.py holds this against the data.
    left = 0.95 * disk_mib
    assert alarm.rule["Threshold"] == pytest.approx(0.15 * (left - min(0.2 * left, 20 * 1024)))
    assert alarm.rule["ComparisonOperator"] == "LessThanThreshold"
    assert alarm.statistic == "Minimum"


def test_lost_node_is_one_less_than_the_domain_is_made_of(template: Template) -> None:
    alarm = alarm_on(template, "Nodes")
    domain = template.one("AWS::OpenSearchService::Domain")["Properties"]["ClusterConfig"]
    nodes = domain["InstanceCount"] + domain.get("DedicatedMasterCount", 0)
    assert (alarm.rule["Threshold"], alarm.statistic) == (nodes, "Minimum")
    assert alarm.rule["ComparisonOperator"] == "LessThanThreshold"


def test_nodes_of_an_existing_domain_are_not_counted(customised: Template) -> None:
    names = {alarm.name for alarm in alarms(customised)}
    assert "Nodes" not in names
    assert "ClusterIndexWritesBlocked" in names


def test_throttle_alarm_watches_the_search_function(template: Template) -> None:
    alarm = alarm_on(template, "Throttles")
    assert template.target(alarm.dimensions["FunctionName"]) is template.function("search_faces")


def test_bill_counts_every_alarm(template: Template) -> None:
    assert len(template.of_type(ALARM)) == ALARMS


def test_topic_takes_https_only(template: Template) -> None:
    (policy,) = template.of_type("AWS::SNS::TopicPolicy")
    assert any(
        statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    )


def test_alarms_are_mailed_by_setting(template: Template, customised: Template) -> None:
    assert not template.of_type("AWS::SNS::Subscription")
    mailed = customised.one("AWS::SNS::Subscription")["Properties"]
    assert (mailed["Protocol"], mailed["Endpoint"]) == ("email", "operator@photos.example")


def test_dashboard_shows_what_the_functions_report(template: Template) -> None:
    body = template.text(template.one("AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"])
    widgets = json.loads(body)["widgets"]
    shown = [
        metric
        for widget in widgets
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == "FaceSearch"
    ]
    assert {metric[3] for metric in shown} == {"index_faces", "search_faces"}
    for _, name, dimension, service, other, stack, *_ in shown:
        # What the function reports by: dev's figures are no part of prod's.
        assert (dimension, other) == ("service", "stack")
        assert stack == template.environment(service)["FACESEARCH_STACK"]
        handler = (FUNCTIONS / service / service / "handler.py").read_text()
        reported = 'f"{stage}Latency"' if name in STAGES else f'"{name}"'
        assert reported in handler


def test_dashboard_has_every_alarm(template: Template) -> None:
    body = template.text(template.one("AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"])
    (status,) = (widget for widget in json.loads(body)["widgets"] if widget["type"] == "alarm")
    assert len(status["properties"]["alarms"]) == len(template.of_type(ALARM))
