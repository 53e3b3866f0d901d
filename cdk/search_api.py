"""The search API: API Gateway in front of the search function's alias."""

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.gateway_problems import explain_refusals
from cdk.justified import justify
from cdk.logs import log_group
from cdk.routes import ROUTES, Route
from cdk.settings import StageSettings

STAGE_NAME = "v1"
# No address, no user, no query: what is needed to see how the API does, and to find a request.
_ACCESS_LOG = json.dumps(
    {
        "request_id": "$context.requestId",
        "time": "$context.requestTime",
        "method": "$context.httpMethod",
        "route": "$context.resourcePath",
        "status": "$context.status",
        "latency_ms": "$context.responseLatency",
        "function_latency_ms": "$context.integrationLatency",
        "response_bytes": "$context.responseLength",
        "error": "$context.error.responseType",
    }
)
_PUSH_LOGS = (
    "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
)


class SearchApi(Construct):
    """Every route by name, so that the gateway can check, throttle and measure each."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, alias: lambda_.Alias
    ) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self.api = self._create()
        self._integration = apigateway.LambdaIntegration(alias, allow_test_invoke=False)
        self._validator = self.api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )
        self._authorisation = self._choose_authorisation()
        for route in ROUTES:
            self._add(route)
        explain_refusals(self.api, settings.cors_origins)
        self.key = self._add_key() if settings.authorisation == "api-key" else None

    def _create(self) -> apigateway.RestApi:
        settings = self._settings
        size = settings.sizing.search
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=f"facesearch-{settings.stage}",
            description="The faces nearest to the one in a photo",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Photos in, perhaps pictures out: nothing is text to the gateway.
            binary_media_types=["*/*"],
            # One role for all APIs of the account and region: without it, none can log.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE_NAME,
                throttling_rate_limit=size.rate_limit,
                throttling_burst_limit=size.burst_limit,
                metrics_enabled=True,
                tracing_enabled=settings.tracing,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                access_log_destination=apigateway.LogGroupLogDestination(
                    log_group(self, "AccessLog", settings)
                ),
                access_log_format=apigateway.AccessLogFormat.custom(_ACCESS_LOG),
            ),
        )
        justify(api, [f"IAM4[Policy::{_PUSH_LOGS}]"], "AWS keeps what its gateway needs to log.")
        justify(
            api.deployment_stage,
            ["APIG3"],
            "Throttled, and closed without a key; a firewall is an account's choice of rules.",
        )
        return api

    def _choose_authorisation(self) -> apigateway.MethodOptions:
        """What a route that is not open asks for."""
        kind = self._settings.authorisation
        if kind == "cognito":
            pool = cognito.UserPool.from_user_pool_arn(self, "Users", self._settings.user_pool_arn)
            return apigateway.MethodOptions(
                authorizer=apigateway.CognitoUserPoolsAuthorizer(
                    self, "Authorizer", cognito_user_pools=[pool]
                ),
                authorization_type=apigateway.AuthorizationType.COGNITO,
            )
        if kind == "iam":
            return apigateway.MethodOptions(authorization_type=apigateway.AuthorizationType.IAM)
        return apigateway.MethodOptions(api_key_required=True)

    def _add(self, route: Route) -> None:
        closed = self._authorisation if not route.open else apigateway.MethodOptions()
        resource = self.api.root.resource_for_path(route.path)
        method = resource.add_method(
            route.method,
            self._integration,
            request_validator=self._validator,
            api_key_required=bool(closed.api_key_required),
            authorization_type=closed.authorization_type or apigateway.AuthorizationType.NONE,
            authorizer=closed.authorizer,
        )
        if route.open:
            justify(method, ["APIG4", "COG4"], "Tells whether the service is up and how full.")
        elif self._settings.authorisation == "api-key":
            justify(method, ["APIG4", "COG4"], "Needs an API key; iam or cognito by setting.")
        elif self._settings.authorisation == "iam":
            justify(method, ["COG4"], "Signed with AWS credentials instead.")
        if self._settings.cors_origins and resource.node.try_find_child("OPTIONS") is None:
            # The function knows the origins: with binary media, the gateway's own answer is a 500.
            asking = resource.add_method("OPTIONS", self._integration)
            justify(asking, ["APIG4", "COG4"], "Browsers ask without credentials.")

    def _add_key(self) -> apigateway.IApiKey:
        size = self._settings.sizing.search
        key = self.api.add_api_key("Key")
        plan = self.api.add_usage_plan(
            "Plan",
            throttle=apigateway.ThrottleSettings(
                rate_limit=size.rate_limit, burst_limit=size.burst_limit
            ),
            api_stages=[
                apigateway.UsagePlanPerApiStage(api=self.api, stage=self.api.deployment_stage)
            ],
        )
        plan.add_api_key(key)
        return key
