"""The search API: API Gateway in front of the search function's alias."""

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

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
        "error": "$context.error.message",
    }
)
_METHODS = {
    "api-key": apigateway.AuthorizationType.NONE,
    "iam": apigateway.AuthorizationType.IAM,
    "cognito": apigateway.AuthorizationType.COGNITO,
}


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
        self._authorizer = self._user_pool()
        for route in ROUTES:
            self._add(route)
        self.key = self._usage_plan() if settings.authorisation == "api-key" else None

    def _create(self) -> apigateway.RestApi:
        settings = self._settings
        size = settings.sizing.search
        cors = apigateway.CorsOptions(
            allow_origins=list(settings.cors_origins),
            allow_methods=sorted({route.method for route in ROUTES}),
            allow_headers=["Content-Type", "Authorization", "X-Api-Key"],
        )
        return apigateway.RestApi(
            self,
            "Api",
            rest_api_name=f"facesearch-{settings.stage}",
            description="The faces nearest to the one in a photo",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Photos in, thumbnails out: nothing is text to the gateway.
            binary_media_types=["*/*"],
            default_cors_preflight_options=cors if settings.cors_origins else None,
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

    def _user_pool(self) -> apigateway.CognitoUserPoolsAuthorizer | None:
        if self._settings.authorisation != "cognito":
            return None
        pool = cognito.UserPool.from_user_pool_arn(self, "Users", self._settings.user_pool_arn)
        return apigateway.CognitoUserPoolsAuthorizer(self, "Authorizer", cognito_user_pools=[pool])

    def _add(self, route: Route) -> None:
        closed = not route.open
        self.api.root.resource_for_path(route.path).add_method(
            route.method,
            self._integration,
            request_validator=self._validator,
            request_parameters=dict.fromkeys(route.required, True),
            api_key_required=closed and self._settings.authorisation == "api-key",
            authorization_type=(
                _METHODS[self._settings.authorisation]
                if closed
                else apigateway.AuthorizationType.NONE
            ),
            authorizer=self._authorizer if closed else None,
        )

    def _usage_plan(self) -> apigateway.IApiKey:
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
