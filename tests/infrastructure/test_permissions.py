"""Least privilege: what each role may do, held against what its function does."""

import pytest

from facesearch.faces import photo_key
from facesearch.stores.opensearch.documents import hidden_id
from tests.infrastructure.cluster import asked_by_hiding, asked_by_writes
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.policies import Account, to_index
from tests.infrastructure.template import Template, as_list, policy_documents

# Actions that know no resources: nothing but * can be said of them.
WITHOUT_RESOURCES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
ALLOWED = {
    "index_faces": {
        "es:ESHttpGet",
        "es:ESHttpPost",
        "es:ESHttpPut",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:ListBucket",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    },
    "search_faces": {
        "es:ESHttpGet",
        "es:ESHttpPost",
        "es:ESHttpPut",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    },
}
WITH_A_KEY = {
    "index_faces": {"kms:Decrypt", "kms:GenerateDataKey"},
    "search_faces": {"kms:Decrypt", "kms:GenerateDataKey"},
}
KEY_OWNER = {
    "Fn::Join": [
        "",
        ["arn:", {"Ref": "AWS::Partition"}, ":iam::", {"Ref": "AWS::AccountId"}, ":root"],
    ]
}
WHERE_TAGS_COUNT = {
    "index_faces": {"s3:GetObjectTagging"},
    "search_faces": {"s3:PutObjectTagging"},
}


@pytest.fixture(params=["dev", "prod", "customised"])
def any_template(request: pytest.FixtureRequest) -> Template:
    template: Template = request.getfixturevalue(request.param)
    return template


def test_nothing_is_allowed_everything_or_to_everyone(any_template: Template) -> None:
    for document in policy_documents(any_template):
        for statement in document["Statement"]:
            if statement["Effect"] != "Allow":
                continue
            actions = as_list(statement["Action"])
            if statement.get("Principal") == {"AWS": KEY_OWNER}:
                # Leaves the key to the account's policies; without it nobody could delete it.
                assert actions == ["kms:*"]
                continue
            if statement.get("Principal") == "*" or statement.get("Principal") == {"AWS": "*"}:
                # An endpoint's, which grants nothing: it holds back all but this account's.
                here = {"Ref": "AWS::AccountId"}
                assert statement["Condition"]["StringEquals"] == {
                    "aws:PrincipalAccount": here,
                    "aws:ResourceAccount": here,
                }
                assert "*" not in as_list(statement["Resource"])
                continue
            assert not [action for action in actions if "*" in action]
            assert "NotAction" not in statement
            assert "NotResource" not in statement
            if "Principal" in statement and "kms" in actions[0]:
                continue  # In a key's policy, * is the key.
            if "*" in as_list(statement.get("Resource", [])):
                assert set(actions) <= WITHOUT_RESOURCES


def test_wildcards_in_resources_follow_a_named_resource(any_template: Template) -> None:
    for document in policy_documents(any_template):
        for statement in document["Statement"]:
            for resource in as_list(statement.get("Resource", [])):
                text = any_template.text(resource)
                if "*" in text and text != "*":
                    owner = text.partition("*")[0]
                    assert owner.startswith(
                        ("<AWS::", "arn:aws:es:", "arn:aws:s3:::facesearch", "arn:aws:sqs:")
                    )


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_function_is_allowed_these_actions_and_no_others(
    any_template: Template, package: str
) -> None:
    actions = {
        action
        for statement in any_template.statements(package)
        for action in as_list(statement["Action"])
    }
    tagged = any_template.settings.collections == "tag"
    more = WHERE_TAGS_COUNT[package] if tagged else set()
    if any_template.settings.deletion and package == "search_faces":
        more = more | {"s3:DeleteObject"}
    if any_template.settings.customer_key:
        more = more | WITH_A_KEY[package]
    assert actions - WITHOUT_RESOURCES == ALLOWED[package] | more
    role = any_template.target(any_template.function(package)["Properties"]["Role"])
    assert "ManagedPolicyArns" not in role["Properties"]
    assert "Policies" not in role["Properties"]


def test_functions_touch_photos_under_the_prefix_only(customised: Template) -> None:
    for package in ALLOWED:
        resources = {
            (action, customised.text(resource))
            for statement in customised.statements(package)
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
            if action.startswith("s3:") and action != "s3:ListBucket"
        }
        assert {place for _, place in resources} == {"<AWS::S3::Bucket.Arn>/photos/*"}
        assert len(resources) == (2 if package == "index_faces" else 4)


def test_search_function_adds_no_photos_where_uploads_are_off(template_of: Synthesise) -> None:
    template = template_of(uploads="false", collections="tag")
    for statement in template.statements("search_faces"):
        assert not [each for each in as_list(statement["Action"]) if each.startswith("s3:Put")]


def test_search_function_notes_hidden_faces_where_uploads_are_on(
    any_template: Template, template_of: Synthesise
) -> None:
    request = ("PUT", f"/faces-v1-0123456789abcdef/_doc/{hidden_id('s3://photos/a.jpg')}")
    for asked in (request, *asked_by_hiding()):
        assert may_ask(any_template, "search_faces", *asked), asked
    assert not may_ask(any_template, "index_faces", *request)
    assert not may_ask(template_of(uploads="false"), "search_faces", *request)


def test_search_function_changes_nothing_but_which_faces_are_hidden(any_template: Template) -> None:
    writing = [asked for asked in asked_by_writes() if asked[0] != "GET"]
    photo = photo_key("s3://photos/a.jpg")
    more = [
        ("DELETE", "/faces-000001"),
        ("DELETE", "/faces-v1-0123456789abcdef/_doc/hidden-1"),
        ("POST", "/_aliases"),
        ("POST", "/faces/_delete_by_query"),
        ("POST", f"/faces-v1-0123456789abcdef/_update/{photo}"),
        ("PUT", f"/faces-v1-0123456789abcdef/_doc/{photo}"),
        ("PUT", f"/faces-v1-0123456789abcdef/_create/{photo}"),
    ]
    assert len(writing) >= 2
    for method, path in [*writing, *more]:
        assert not may_ask(any_template, "search_faces", method, path), f"{method} {path}"


def test_index_function_may_not_drop_the_index_or_read_faces(any_template: Template) -> None:
    for method, path in (
        ("DELETE", "/faces-000001"),
        ("POST", "/_aliases"),
        ("POST", "/faces/_delete_by_query"),
        ("POST", "/faces-v1-0123456789abcdef/_search"),
        ("PUT", "/faces-000001/_settings"),
        ("PUT", "/other"),
    ):
        assert not may_ask(any_template, "index_faces", method, path), f"{method} {path}"


def may_ask(template: Template, package: str, method: str, path: str) -> bool:
    """Whether the function's role allows a request to the index."""
    account = Account(template)
    return account.allows(to_index(account, account.role_of(package), method, path))
