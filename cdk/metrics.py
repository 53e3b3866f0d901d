"""The figures to watch, by name: AWS's own, and what the functions report."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from facesearch.stages import METRICS_NAMESPACE, STACK_DIMENSION

MINUTE = Duration.minutes(1)


class Metrics:
    """The metrics by name, the same for alarms and dashboard.

    None has a label: with one, an alarm would be written as metric math. The dashboard names them.
    """

    def __init__(
        self,
        *,
        changes: sqs.Queue,
        dead_letters: sqs.Queue,
        indexing: lambda_.Function,
        searching: lambda_.Function,
        api: apigateway.SpecRestApi,
        domain_name: str,
        stack_name: str,
    ) -> None:
        self.dead_letters = dead_letters.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=MINUTE
        )
        self.waiting = changes.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=MINUTE
        )
        self.oldest_s = changes.metric_approximate_age_of_oldest_message(
            statistic="Maximum", period=MINUTE
        )
        self.index_errors = indexing.metric_errors(period=MINUTE)
        self.index_duration_ms = indexing.metric_duration(statistic="p99", period=MINUTE)
        self.index_concurrency = indexing.metric(
            "ConcurrentExecutions", statistic="Maximum", period=MINUTE
        )
        self.search_errors = api.metric_server_error(statistic="Average", period=MINUTE)
        self.search_refusals = api.metric_client_error(statistic="Average", period=MINUTE)
        self.searches = api.metric_count(statistic="Sum", period=MINUTE)
        self.search_p50_ms = api.metric_latency(statistic="p50", period=MINUTE)
        self.search_p99_ms = api.metric_latency(statistic="p99", period=MINUTE)
        self.search_throttles = searching.metric_throttles(period=MINUTE)
        self._domain_name = domain_name
        self._stack_name = stack_name

    def cluster(self, name: str, statistic: str) -> cloudwatch.Metric:
        """A figure of the OpenSearch domain."""
        return cloudwatch.Metric(
            namespace="AWS/ES",
            metric_name=name,
            dimensions_map={"DomainName": self._domain_name, "ClientId": Aws.ACCOUNT_ID},
            statistic=statistic,
            period=MINUTE,
        )

    def reported(
        self, service: str, name: str, statistic: str = "Sum", period: Duration = MINUTE
    ) -> cloudwatch.Metric:
        """A figure that the function of this name reports itself."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"service": service, STACK_DIMENSION: self._stack_name},
            statistic=statistic,
            period=period,
        )
