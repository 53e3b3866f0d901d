"""The stack that embeds photos again: what it takes of the running one, and what it may do."""

import pytest

from cdk.reembedding import IMPORTED
from facesearch.errors import SettingsError
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.operating import ASKED_BY_REEMBEDDING
from tests.infrastructure.policies import Account, Request
from tests.infrastructure.template import IMPORTS, Resource, Template, as_list

OUTPUTS = {"stage": "prod", "customer_key": "true"}
HANDLER = "index_faces.reembedding.handler.handler"


@pytest.fixture
def template(template_of: Synthesise) -> Template:
    return template_of(stage="prod", reembedding="50", customer_key="true")


def function_of(template: Template) -> Resource:
    return template.one("AWS::Lambda::Function", Handler=HANDLER)


def test_running_stack_exports_what_is_taken_of_it(template_of: Synthesise) -> None:
    running = template_of(**OUTPUTS)
    exported = {
        name: running.text(output["Export"]["Name"])
        for name, output in running.outputs.items()
        if "Export" in output
    }
    assert exported == {name: f"facesearch-prod-{name}" for name in IMPORTED}


def test_it_takes_all_of_them(template: Template) -> None:
    text = template.path.read_text()
    taken = {name for name in IMPORTS if f"facesearch-prod-{name}" in text}
    assert taken == set(IMPORTED)


def test_as_many_functions_as_are_asked_for_embed_at_once(template: Template) -> None:
    mapping = template.one("AWS::Lambda::EventSourceMapping")["Properties"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 50}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    properties = function_of(template)["Properties"]
    assert properties["FunctionName"] == "facesearch-prod-reembedding"
    # It sends messages to its own queue, for as long as it takes.
    assert properties["RecursiveLoop"] == "Allow"
    variables = properties["Environment"]["Variables"]
    assert variables["FACESEARCH_CONCURRENCY"] == "50"
    assert variables["FACESEARCH_REEMBEDDING"] == "on"


def test_store_and_photos_are_those_of_the_running_functions(
    template: Template, template_of: Synthesise
) -> None:
    own = function_of(template)["Properties"]["Environment"]["Variables"]
    running = template_of(**OUTPUTS).function("index_faces")["Properties"]["Environment"]
    same = set(running["Variables"]) - {
        *("FACESEARCH_STORE", "FACESEARCH_BUCKET", "FACESEARCH_STACK", "FACESEARCH_REEMBEDDING")
    }
    assert {name: own[name] for name in same} == {name: running["Variables"][name] for name in same}
    store = template.text(own["FACESEARCH_STORE"])
    assert store.startswith(f"opensearch+aws://{IMPORTS['IndexEndpoint']}/faces?region=eu-west-1&")
    _, _, options = store.partition("?")
    assert template_of(**OUTPUTS).environment("index_faces")["FACESEARCH_STORE"].endswith(options)


def test_steps_never_run_side_by_side(template: Template) -> None:
    rule = template.one("AWS::Events::Rule")["Properties"]
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    (target,) = rule["Targets"]
    assert target["Input"] == '{"reembed":"step"}'
    late = target["RetryPolicy"]
    assert late["MaximumRetryAttempts"] == 0
    asynchronous = template.one("AWS::Lambda::EventInvokeConfig")["Properties"]
    assert asynchronous["MaximumRetryAttempts"] == 0
    longest = function_of(template)["Properties"]["Timeout"]
    waits = (late["MaximumEventAgeInSeconds"], asynchronous["MaximumEventAgeInSeconds"])
    assert longest + max(waits) < 5 * 60


def test_it_may_do_what_it_asks_and_nothing_else(template: Template) -> None:
    account = Account(template)
    role = account.text(function_of(template)["Properties"]["Role"])
    queue = account.text(
        template.one("AWS::Lambda::EventSourceMapping")["Properties"]["EventSourceArn"]
    )
    photos = f"arn:aws:s3:::{IMPORTS['PhotoBucket']}"
    log = account.arn(account.id_of("AWS::Logs::LogGroup")).removesuffix("*") + "log-stream:a"
    wanted = [
        *(
            (f"es:ESHttp{method.capitalize()}", f"{IMPORTS['IndexArn']}{path}")
            for method, path in ASKED_BY_REEMBEDDING
        ),
        ("s3:GetObject", f"{photos}/a.jpg"),
        ("s3:ListBucket", photos),
        *(
            (f"sqs:{action}", queue)
            for action in (
                *("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes"),
                *("GetQueueUrl", "ReceiveMessage", "SendMessage"),
            )
        ),
        *((f"logs:{action}", log) for action in ("CreateLogStream", "PutLogEvents")),
        *((f"xray:{action}", "*") for action in ("PutTelemetryRecords", "PutTraceSegments")),
        *(
            (f"ec2:{action}", "*")
            for action in (
                *("AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface"),
                *("DescribeNetworkInterfaces", "DescribeSubnets", "UnassignPrivateIpAddresses"),
            )
        ),
    ]
    requests = [
        Request(role, action, resource, {"aws:SecureTransport": "true"})
        for action, resource in wanted
    ]
    assert [each for each in requests if not account.allows(each)] == []
    with_key = [
        Request(
            role, action, IMPORTS["KeyArn"], {"kms:ViaService": f"{via}.eu-west-1.amazonaws.com"}
        )
        for action, via in (
            *(("kms:Decrypt", "s3"), ("kms:Decrypt", "sqs")),
            ("kms:GenerateDataKey", "sqs"),
        )
    ]
    requests += with_key
    for policy in account.policies:
        for statement in policy.statements if policy.principal == role else ():
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    single = {**statement, "Action": action, "Resource": resource}
                    assert any(account.applies(single, each) for each in requests), single
    for action, resource in (
        ("s3:PutObject", f"{photos}/a.jpg"),
        ("s3:DeleteObject", f"{photos}/a.jpg"),
        ("es:ESHttpDelete", f"{IMPORTS['IndexArn']}/other"),
        ("es:ESHttpPut", f"{IMPORTS['IndexArn']}/_cluster/settings"),
        ("kms:GenerateDataKey", IMPORTS["KeyArn"]),
    ):
        assert not account.allows(Request(role, action, resource, {})), f"{action} {resource}"


def test_queues_and_log_are_encrypted_with_the_running_stacks_key(template: Template) -> None:
    queues = template.of_type("AWS::SQS::Queue")
    log = template.one("AWS::Logs::LogGroup")
    keys = [each["Properties"]["KmsMasterKeyId"] for each in queues]
    keys.append(log["Properties"]["KmsKeyId"])
    assert [template.text(key) for key in keys] == [IMPORTS["KeyArn"]] * 3


def test_only_its_clock_calls_it(template: Template) -> None:
    permission = template.one("AWS::Lambda::Permission")["Properties"]
    assert permission["Principal"] == "events.amazonaws.com"
    assert template.target(permission["SourceArn"])["Type"] == "AWS::Events::Rule"


def test_stage_without_a_network_has_none(template_of: Synthesise) -> None:
    dev = template_of(stage="dev", reembedding="2")
    assert "VpcConfig" not in function_of(dev)["Properties"]
    assert "SubnetIds" not in dev.path.read_text()


@pytest.mark.parametrize("number", ["1", "1001"])
def test_number_of_functions_that_lambda_does_not_start_is_refused(
    number: str, template_of: Synthesise
) -> None:
    with pytest.raises(SettingsError, match=r"reembedding is '\d+': use 2 to 1,000 functions"):
        template_of(stage="prod", reembedding=number)
