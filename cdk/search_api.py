"""The search API: API Gateway in front of the search function's alias."""

import json
from collections.abc import Sequence

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from cdk.api_document import api_document
from cdk.justified import justify
from cdk.logs import log_group
from cdk.routes import ROUTES
from cdk.settings import StageSettings

STAGE_NAME = "live"
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


# What is open has throttles of its own, so that neither visitors nor monitors take the searches'.
PAGE_RATE, PAGE_BURST = 50, 200
"""A visit is four files, or one that has not changed: fifty visitors may come at once."""
PROBE_RATE, PROBE_BURST = 20, 50
"""For what monitors ask, and pages when they open: it reads the store."""


def _throttles() -> dict[str, apigateway.MethodDeploymentOptions]:
    """The throttles of open routes; all others have the stage's."""
    return {
        f"{route.path}/{route.method}": apigateway.MethodDeploymentOptions(
            # A method with settings of its own has none of the stage's.
            logging_level=apigateway.MethodLoggingLevel.ERROR,
            metrics_enabled=False,
            throttling_rate_limit=PAGE_RATE if route.file else PROBE_RATE,
            throttling_burst_limit=PAGE_BURST if route.file else PROBE_BURST,
        )
        for route in ROUTES
        if route.open
    }


class SearchApi(Construct):
    """Every route by name, so that the gateway can check, throttle and measure each."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: StageSettings,
        alias: lambda_.Alias,
        limited: Sequence[apigateway.IApiKey],
    ) -> None:
        """`limited`: further keys that the gateway lets in; the function decides what they see."""
        super().__init__(scope, id)
        self._settings = settings
        self.api = self._create(alias)
        alias.add_permission(
            "Api",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=self.api.arn_for_execute_api(stage=STAGE_NAME),
        )
        self.domain_target = self._add_domain() if settings.api_domain else None
        if settings.web_acl_arn:
            wafv2.CfnWebACLAssociation(
                self,
                "Firewall",
                resource_arn=self.api.deployment_stage.stage_arn,
                web_acl_arn=settings.web_acl_arn,
            )
        self.key = self._add_keys(limited) if settings.authorisation == "api-key" else None

    def _create(self, alias: lambda_.Alias) -> apigateway.SpecRestApi:
        settings = self._settings
        size = settings.sizing.search
        uri = (
            f"arn:{Aws.PARTITION}:apigateway:{Aws.REGION}:lambda:path/2015-03-31/functions/"
            f"{alias.function_arn}/invocations"
        )
        api = apigateway.SpecRestApi(
            self,
            "Api",
            # The name that the metrics go by.
            rest_api_name=settings.stack,
            api_definition=apigateway.ApiDefinition.from_inline(api_document(settings, uri)),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # One role for all APIs of the account and region: without it, none can log.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE_NAME,
                throttling_rate_limit=size.rate_limit,
                throttling_burst_limit=size.burst_limit,
                # Those of the whole API come anyway, and are watched; a route's would cost.
                metrics_enabled=False,
                tracing_enabled=settings.tracing,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                method_options=_throttles(),
                access_log_destination=apigateway.LogGroupLogDestination(
                    log_group(self, "AccessLog", settings)
                ),
                access_log_format=apigateway.AccessLogFormat.custom(_ACCESS_LOG),
            ),
        )
        justify(api, [f"IAM4[Policy::{_PUSH_LOGS}]"], "AWS keeps what its gateway needs to log.")
        justify(api, ["APIG2"], "The document names the validator of all routes.")
        justify(
            api.deployment_stage,
            ["APIG3"],
            "Throttled, and closed without a key; a firewall is the account's: web_acl_arn.",
        )
        return api

    def _add_domain(self) -> str:
        """Serve the API at the account's own name; returns what its DNS record leads to."""
        domain = self.api.add_domain_name(
            "Domain",
            domain_name=self._settings.api_domain,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", self._settings.certificate_arn
            ),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        return domain.domain_name_alias_domain_name

    def _add_keys(self, limited: Sequence[apigateway.IApiKey]) -> apigateway.IApiKey:
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
        for each in (key, *limited):
            plan.add_api_key(each)
        return key
