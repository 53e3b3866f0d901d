"""The API as the gateway knows it: routes, keys, limits, and what it tells whom it refuses."""

import json
import re

from cdk.assets import FUNCTIONS
from cdk.routes import ROUTES
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.template import Resource, Template

METHOD = "AWS::ApiGateway::Method"


def methods(template: Template) -> dict[tuple[str, str], Resource]:
    """Every method's properties by method and path."""
    found: dict[tuple[str, str], Resource] = {}
    for method in template.of_type(METHOD):
        path = ""
        reference = method["Properties"]["ResourceId"]
        while "Ref" in reference:
            resource = template.target(reference)["Properties"]
            path = f"/{resource['PathPart']}{path}"
            reference = resource["ParentId"]
        found[method["Properties"]["HttpMethod"], path or "/"] = method["Properties"]
    return found


def test_gateway_and_function_know_the_same_routes(template: Template) -> None:
    code = "".join(source.read_text() for source in (FUNCTIONS / "search_faces").glob("*.py"))
    answered = {
        (method.upper(), path.replace("<", "{").replace(">", "}"))
        for method, path in re.findall(r'@router\.(get|post|put|delete|patch)\("([^"]+)"', code)
    }
    assert set(methods(template)) == answered


def test_every_method_calls_the_live_alias(template: Template) -> None:
    (alias,) = (
        name
        for name, resource in template.resources.items()
        if resource["Type"] == "AWS::Lambda::Alias"
    )
    for properties in methods(template).values():
        integration = properties["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert {"Ref": alias} in integration["Uri"]["Fn::Join"][1]


def test_closed_routes_need_the_api_key_and_open_ones_do_not(template: Template) -> None:
    known = methods(template)
    for route in ROUTES:
        properties = known[route.method, route.path]
        assert properties["ApiKeyRequired"] is not route.open
        assert properties["AuthorizationType"] == "NONE"
    assert not all(route.open for route in ROUTES)


def test_api_key_is_throttled_by_its_usage_plan(template: Template) -> None:
    size = template.settings.sizing.search
    plan = template.one("AWS::ApiGateway::UsagePlan")["Properties"]
    assert plan["Throttle"] == {"RateLimit": size.rate_limit, "BurstLimit": size.burst_limit}
    (stage,) = plan["ApiStages"]
    assert template.target(stage["Stage"]) is template.one("AWS::ApiGateway::Stage")
    link = template.one("AWS::ApiGateway::UsagePlanKey")["Properties"]
    assert template.target(link["KeyId"])["Properties"]["Enabled"] is True


def test_every_request_is_throttled_logged_and_measured(template: Template) -> None:
    size = template.settings.sizing.search
    stage = template.one("AWS::ApiGateway::Stage")["Properties"]
    (everything,) = stage["MethodSettings"]
    assert (everything["HttpMethod"], everything["ResourcePath"]) == ("*", "/*")
    assert everything["ThrottlingRateLimit"] == size.rate_limit
    assert everything["ThrottlingBurstLimit"] == size.burst_limit
    assert everything["MetricsEnabled"] is True
    assert everything["DataTraceEnabled"] is False
    assert "DestinationArn" in stage["AccessLogSetting"]


def test_access_log_names_no_person(template: Template) -> None:
    stage = template.one("AWS::ApiGateway::Stage")["Properties"]
    logged = set(json.loads(stage["AccessLogSetting"]["Format"]).values())
    personal = ("identity", "authorizer", "path", "query", "header", "message")
    assert {each for each in logged if any(word in each for word in personal)} == set()
    assert {"$context.requestId", "$context.status", "$context.responseLatency"} <= logged


def test_photos_pass_the_gateway_as_they_are(template: Template) -> None:
    assert template.one("AWS::ApiGateway::RestApi")["Properties"]["BinaryMediaTypes"] == ["*/*"]


def test_every_route_is_validated(template: Template) -> None:
    validator = template.one("AWS::ApiGateway::RequestValidator")
    assert validator["Properties"]["ValidateRequestBody"] is True
    assert validator["Properties"]["ValidateRequestParameters"] is True
    for properties in methods(template).values():
        assert template.target(properties["RequestValidatorId"]) is validator


def test_gateway_refuses_as_the_function_does(template: Template) -> None:
    responses = {
        response["Properties"]["ResponseType"]: response["Properties"]
        for response in template.of_type("AWS::ApiGateway::GatewayResponse")
    }
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "REQUEST_TOO_LARGE"} <= set(responses)
    for kind, response in responses.items():
        problem = json.loads(response["ResponseTemplates"]["application/json"])
        assert problem["type"] == f"urn:facesearch:problem:{problem['code']}"
        assert problem["request_id"] == "$context.requestId"
        assert str(problem.get("status", "")) == response.get("StatusCode", "")
        header = response["ResponseParameters"]["gatewayresponse.header.Content-Type"]
        assert header == "'application/problem+json'"
        assert {"title", "detail"} <= set(problem), kind


def test_cognito_guards_closed_routes_by_setting(customised: Template) -> None:
    authorizer = customised.one("AWS::ApiGateway::Authorizer", Type="COGNITO_USER_POOLS")
    assert authorizer["Properties"]["ProviderARNs"] == [customised.settings.user_pool_arn]
    search = methods(customised)["POST", "/search"]
    assert search["AuthorizationType"] == "COGNITO_USER_POOLS"
    assert customised.target(search["AuthorizerId"]) is authorizer
    assert not customised.of_type("AWS::ApiGateway::ApiKey")


def test_iam_guards_closed_routes_by_setting(template_of: Synthesise) -> None:
    template = template_of(authorisation="iam")
    known = methods(template)
    assert known["POST", "/search"]["AuthorizationType"] == "AWS_IAM"
    assert known["GET", "/health"]["AuthorizationType"] == "NONE"
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
        assert known["OPTIONS", path]["Integration"]["Type"] == "AWS_PROXY"
        assert known["OPTIONS", path]["AuthorizationType"] == "NONE"
    origins = customised.environment("search_faces")["FACESEARCH_CORS_ORIGINS"]
    assert origins == "https://photos.example,https://album.example"
