"""The API as the gateway knows it: routes, keys, limits, and what it tells whom it refuses."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from cdk.references import text_of
from cdk.routes import ROUTES
from facesearch.errors import FacesearchError, SettingsError
from search_faces.app import create_app
from search_faces.handler import open_service
from search_faces.limits import parse_key_collections
from search_faces.problems import CONTENT_TYPE, body_problem, problem_of, unexpected_problem
from tests.infrastructure.conftest import WEB_ACL, Synthesise
from tests.infrastructure.template import Template

API = "AWS::ApiGateway::RestApi"


def document(template: Template) -> Mapping[str, Any]:
    """The OpenAPI document that the gateway is made from."""
    body: Mapping[str, Any] = template.one(API)["Properties"]["Body"]
    return body


def methods(template: Template) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Every operation by method and path."""
    return {
        (method.upper(), path): operation
        for path, operations in document(template)["paths"].items()
        for method, operation in operations.items()
    }


def scheme(template: Template) -> Mapping[str, Any]:
    """How callers of closed routes say who they are."""
    (only,) = document(template)["components"]["securitySchemes"].values()
    found: Mapping[str, Any] = only
    return found


def test_gateway_and_function_know_the_same_routes(template: Template) -> None:
    app = create_app(open_service)
    answered = {
        (route.method, re.sub(r"<(\w+)>", r"{\1}", route.path))
        for route in (*app._static_routes, *app._dynamic_routes)
    }
    assert set(methods(template)) == answered


def test_only_what_tells_nothing_of_people_is_open() -> None:
    assert {route.path for route in ROUTES if route.open} == {
        *("/", "/page/{file}", "/docs", "/docs/{file}"),
        *("/openapi.json", "/v1/health", "/v1/version"),
    }


def test_answers_are_declared_by_status(template: Template) -> None:
    # The gateway's import takes no "default".
    for operation in methods(template).values():
        assert all(re.fullmatch("[1-5][0-9]{2}", status) for status in operation["responses"])


def test_names_in_paths_are_parameters(template: Template) -> None:
    for (_, path), operation in methods(template).items():
        named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))
    assert "/v1/faces/{face_id}/matches" in document(template)["paths"]


def test_every_method_calls_the_live_alias_and_may(template: Template) -> None:
    alias = template.one("AWS::Lambda::Alias")
    for operation in methods(template).values():
        integration = operation["x-amazon-apigateway-integration"]
        assert (integration["type"], integration["httpMethod"]) == ("aws_proxy", "POST")
        (called,) = (
            part["Ref"]
            for part in integration["uri"]["Fn::Join"][1]
            if isinstance(part, dict) and not part["Ref"].startswith("AWS::")
        )
        assert template.resources[called] is alias
    permission = template.one("AWS::Lambda::Permission")["Properties"]
    assert template.target(permission["FunctionName"]) is alias
    assert permission["Principal"] == "apigateway.amazonaws.com"
    source = template.text(permission["SourceArn"])
    assert (
        source == "arn:aws:execute-api:eu-west-1:123456789012:<AWS::ApiGateway::RestApi>/live/*/*"
    )


def test_closed_routes_need_the_api_key_and_open_ones_do_not(template: Template) -> None:
    assert scheme(template) == {"type": "apiKey", "name": "x-api-key", "in": "header"}
    known = methods(template)
    for route in ROUTES:
        assert bool(known[route.method, route.path]["security"]) is not route.open
    assert known["POST", "/v1/search"]["security"]


def test_api_key_is_throttled_by_its_usage_plan(template: Template) -> None:
    size = template.settings.sizing.search
    plan = template.one("AWS::ApiGateway::UsagePlan")["Properties"]
    assert plan["Throttle"] == {"RateLimit": size.rate_limit, "BurstLimit": size.burst_limit}
    (stage,) = plan["ApiStages"]
    assert template.target(stage["Stage"]) is template.one("AWS::ApiGateway::Stage")
    link = template.one("AWS::ApiGateway::UsagePlanKey")["Properties"]
    assert template.target(link["KeyId"])["Properties"]["Enabled"] is True


def test_every_request_is_throttled_and_logged_without_paid_metrics(template: Template) -> None:
    size = template.settings.sizing.search
    stage = template.one("AWS::ApiGateway::Stage")["Properties"]
    everything = next(each for each in stage["MethodSettings"] if each["HttpMethod"] == "*")
    assert everything["ResourcePath"] == "/*"
    assert everything["ThrottlingRateLimit"] == size.rate_limit
    assert everything["ThrottlingBurstLimit"] == size.burst_limit
    for settings in stage["MethodSettings"]:
        assert settings["MetricsEnabled"] is False
        assert settings["DataTraceEnabled"] is False
        assert settings["LoggingLevel"] == "ERROR"
    assert "DestinationArn" in stage["AccessLogSetting"]


def test_open_routes_have_throttles_of_their_own_and_do_not_take_the_searches(
    template: Template,
) -> None:
    stage = template.one("AWS::ApiGateway::Stage")["Properties"]
    limits = {
        (each["HttpMethod"], each["ResourcePath"].replace("/~1", "/").replace("~1", "/")): (
            each["ThrottlingRateLimit"],
            each["ThrottlingBurstLimit"],
        )
        for each in stage["MethodSettings"]
        if each["HttpMethod"] != "*"
    }
    assert set(limits) == {(route.method, route.path) for route in ROUTES if route.open}
    # Twenty visitors open the page in the same second: four files each.
    assert limits["GET", "/page/{file}"][1] >= 20 * 3
    assert limits["GET", "/"][1] >= 20
    assert limits["GET", "/v1/health"] < limits["GET", "/page/{file}"]


def test_access_log_names_no_person(template: Template) -> None:
    stage = template.one("AWS::ApiGateway::Stage")["Properties"]
    logged = set(json.loads(stage["AccessLogSetting"]["Format"]).values())
    personal = ("identity", "authorizer", "path", "query", "header", "message")
    assert {each for each in logged if any(word in each for word in personal)} == set()
    assert {"$context.requestId", "$context.status", "$context.responseLatency"} <= logged


def test_photos_pass_the_gateway_as_they_are(template: Template) -> None:
    assert document(template)["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_every_route_is_validated(template: Template) -> None:
    name = document(template)["x-amazon-apigateway-request-validator"]
    assert document(template)["x-amazon-apigateway-request-validators"][name] == {
        "validateRequestBody": True,
        "validateRequestParameters": True,
    }


def test_document_is_valid_openapi(template: Template) -> None:
    OpenAPIV30SpecValidator(document(template)).validate()


def test_metrics_go_by_the_api_s_name(template: Template) -> None:
    name = template.one(API)["Properties"]["Name"]
    watched = {
        dimension["Value"]
        for alarm in template.of_type("AWS::CloudWatch::Alarm")
        for dimension in alarm["Properties"]["Dimensions"]
        if dimension["Name"] == "ApiName"
    }
    assert watched == {name}


def test_gateway_refuses_as_the_function_does(template: Template) -> None:
    responses = document(template)["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "REQUEST_TOO_LARGE"} <= set(responses)
    for kind, response in responses.items():
        problem = json.loads(response["responseTemplates"]["application/json"])
        assert problem["type"] == f"urn:facesearch:problem:{problem['code']}"
        assert problem["request_id"] == "$context.requestId"
        assert str(problem.get("status", "")) == response.get("statusCode", "")
        header = response["responseParameters"]["gatewayresponse.header.Content-Type"]
        assert header == f"'{CONTENT_TYPE}'"
        assert response["responseParameters"]["gatewayresponse.header.X-Request-Id"] == (
            "context.requestId"
        )
        assert {"title", "detail"} <= set(problem), kind


def test_codes_of_the_gateway_mean_what_the_function_s_mean(template: Template) -> None:
    kinds = [problem_of(kind("")) for kind in _all_below(FacesearchError)]
    documented = (*kinds, body_problem(0), unexpected_problem())
    statuses = {problem.code: problem.status.value for problem in documented}
    shared = set()
    for response in document(template)["x-amazon-apigateway-gateway-responses"].values():
        problem = json.loads(response["responseTemplates"]["application/json"])
        if problem["code"] in statuses:
            shared.add(problem["code"])
            assert problem.get("status", statuses[problem["code"]]) == statuses[problem["code"]]
    assert {"request_too_large", "not_found", "internal_error"} <= shared


def _all_below(kind: type[FacesearchError]) -> Iterator[type[FacesearchError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _all_below(child)


def test_cognito_guards_closed_routes_by_setting(customised: Template) -> None:
    guard = scheme(customised)
    assert guard["x-amazon-apigateway-authtype"] == "cognito_user_pools"
    assert guard["x-amazon-apigateway-authorizer"] == {
        "type": "cognito_user_pools",
        "providerARNs": [customised.settings.user_pool_arn],
    }
    assert methods(customised)["POST", "/v1/search"]["security"]
    assert not customised.of_type("AWS::ApiGateway::ApiKey")


def test_iam_guards_closed_routes_by_setting(template_of: Synthesise) -> None:
    template = template_of(authorisation="iam")
    assert scheme(template)["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert methods(template)["POST", "/v1/search"]["security"]
    assert not methods(template)["GET", "/v1/health"]["security"]
    assert not template.of_type("AWS::ApiGateway::ApiKey")


def test_browsers_of_other_origins_may_ask_by_setting(
    customised: Template, template: Template
) -> None:
    assert not any(method == "OPTIONS" for method, _ in methods(template))
    known = methods(customised)
    asked = {path for method, path in known if method == "OPTIONS"}
    assert asked == {route.path for route in ROUTES}
    # The gateway's own answer cannot be sent when every media type is binary.
    for path in asked:
        assert known["OPTIONS", path]["x-amazon-apigateway-integration"]["type"] == "aws_proxy"
        assert not known["OPTIONS", path]["security"]
    origins = customised.environment("search_faces")["FACESEARCH_CORS_ORIGINS"]
    assert origins == "https://photos.example,https://album.example"


def test_firewall_of_the_account_is_before_the_api_by_setting(
    customised: Template, template: Template
) -> None:
    kind = "AWS::WAFv2::WebACLAssociation"
    assert not template.of_type(kind)
    association = customised.one(kind)["Properties"]
    assert association["WebACLArn"] == WEB_ACL
    stage = customised.text(association["ResourceArn"])
    assert stage == (
        "arn:aws:apigateway:eu-west-1::/restapis/<AWS::ApiGateway::RestApi>/stages/"
        "<AWS::ApiGateway::Stage>"
    )


def test_api_has_the_account_s_own_name_by_setting(
    customised: Template, template: Template
) -> None:
    assert not template.of_type("AWS::ApiGateway::DomainName")
    domain = customised.one("AWS::ApiGateway::DomainName")
    properties = domain["Properties"]
    assert properties["DomainName"] == customised.settings.api_domain
    assert properties["RegionalCertificateArn"] == customised.settings.certificate_arn
    assert properties["SecurityPolicy"] == "TLS_1_2"
    mapping = customised.one("AWS::ApiGateway::BasePathMapping")["Properties"]
    assert customised.target(mapping["DomainName"]) is domain
    assert customised.target(mapping["Stage"]) is customised.one("AWS::ApiGateway::Stage")
    # Without the stage in the path: links of the page are relative.
    assert "BasePath" not in mapping


def test_limited_keys_are_let_in_and_the_function_knows_what_they_see(
    template_of: Synthesise,
) -> None:
    template = template_of(keys="partner=music,partner=Zoë & co,press=music")
    keys = {
        each["Properties"].get("Name"): {"Ref": name}
        for name, each in template.resources.items()
        if each["Type"] == "AWS::ApiGateway::ApiKey"
    }
    assert set(keys) == {None, "facesearch-dev-partner", "facesearch-dev-press"}
    let_in = [
        each["Properties"]["KeyId"] for each in template.of_type("AWS::ApiGateway::UsagePlanKey")
    ]
    assert sorted(map(str, let_in)) == sorted(map(str, keys.values()))
    written = template.function("search_faces")["Properties"]["Environment"]["Variables"]
    text = text_of(written["FACESEARCH_KEY_COLLECTIONS"], str, str.__add__)
    assert parse_key_collections(text) == {
        keys["facesearch-dev-partner"]["Ref"]: {"music", "Zoë & co"},
        keys["facesearch-dev-press"]["Ref"]: {"music"},
    }


def test_without_limited_keys_the_function_limits_none(dev: Template) -> None:
    assert (
        parse_key_collections(dev.environment("search_faces")["FACESEARCH_KEY_COLLECTIONS"]) == {}
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"keys": "partner"}, "NAME=COLLECTION; the collection's name is empty"),
        ({"keys": "Partner=music"}, "the name in small letters"),
        ({"keys": "partner=music", "authorisation": "iam"}, "authorisation=api-key with them"),
    ],
)
def test_keys_that_cannot_be_limited_are_refused(
    settings: dict[str, str], told: str, template_of: Synthesise
) -> None:
    with pytest.raises(SettingsError, match=told):
        template_of(**settings)
