"""A private network without internet access: functions reach the index and the bucket only."""

from aws_cdk import Fn, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.settings import StageSettings


class PrivateNetwork(Construct):
    """Isolated subnets, S3's endpoint, and who may talk to whom."""

    def __init__(self, scope: Construct, id: str, *, settings: StageSettings) -> None:
        super().__init__(scope, id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            # Named by number: looking them up would need an account when synthesising.
            availability_zones=[Fn.select(zone, Fn.get_azs()) for zone in range(settings.zones)],
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                )
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        traffic = logs.LogGroup(
            self,
            "Traffic",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log(
            "FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(traffic)
        )
        self.functions = self._group("Functions", "The functions")
        self.index = self._group("Index", "The face index")
        # Anywhere is only S3's endpoint and the index: there is no other route.
        self.functions.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "S3 and the index")
        self.index.add_ingress_rule(self.functions, ec2.Port.tcp(443), "The functions")

    def _group(self, id: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, id, vpc=self.vpc, description=description, allow_all_outbound=False
        )
