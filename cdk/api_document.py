"""The API as an OpenAPI document with API Gateway's extensions.

A document rather than a resource for each method: `sam local start-api` takes the types of binary
bodies from documents only.
"""

from collections.abc import Mapping, Sequence

from cdk.gateway_problems import gateway_responses
from cdk.routes import ROUTES
from cdk.settings import StageSettings

Json = str | int | bool | Sequence["Json"] | Mapping[str, "Json"]

_SCHEME = "caller"
_VALIDATOR = "all"


def api_document(settings: StageSettings, function_uri: str) -> Mapping[str, Json]:
    """The document: every route leads to the function, behind the stage's authorisation."""
    integration: Json = {"type": "aws_proxy", "httpMethod": "POST", "uri": function_uri}
    paths: dict[str, dict[str, Json]] = {}
    for route in ROUTES:
        path = paths.setdefault(route.path, {})
        path[route.method.lower()] = _operation(route.path, integration, closed=not route.open)
        if settings.cors_origins:
            # The function knows the origins, and the gateway cannot send an answer of its own
            # when every type is binary. Browsers ask without credentials.
            path["options"] = _operation(route.path, integration, closed=False)
    return {
        "openapi": "3.0.1",
        "info": {"title": settings.stack, "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": {_SCHEME: _scheme(settings)}},
        # Photos in, perhaps pictures out: nothing is text to the gateway.
        "x-amazon-apigateway-binary-media-types": ["*/*"],
        "x-amazon-apigateway-request-validators": {
            _VALIDATOR: {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-request-validator": _VALIDATOR,
        "x-amazon-apigateway-gateway-responses": gateway_responses(settings.cors_origins),
    }


def _operation(path: str, integration: Json, *, closed: bool) -> Json:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ],
        # API Gateway takes a status only; the integration passes on whatever the function answers.
        "responses": {"200": {"description": "The function's answer"}},
        "security": [{_SCHEME: []}] if closed else [],
        "x-amazon-apigateway-integration": integration,
    }


def _scheme(settings: StageSettings) -> Json:
    """How callers authenticate."""
    if settings.authorisation == "api-key":
        return {"type": "apiKey", "name": "x-api-key", "in": "header"}
    signed = {"type": "apiKey", "name": "Authorization", "in": "header"}
    if settings.authorisation == "iam":
        return {**signed, "x-amazon-apigateway-authtype": "awsSigv4"}
    return {
        **signed,
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        "x-amazon-apigateway-authorizer": {
            "type": "cognito_user_pools",
            "providerARNs": [settings.user_pool_arn],
        },
    }
