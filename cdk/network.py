"""A private network without internet access: functions reach index, bucket and queue only.

A domain cannot leave its network, so where the domain outlives the stack, its network does, too.
A new stack takes both back by the settings that name them.
"""

from collections.abc import Sequence

from aws_cdk import Annotations, Aws, CfnResource, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.retention import removal_policy
from cdk.settings import StageSettings

QUEUE_ACTIONS = (
    *("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:SendMessage"),
)
"""The index function says itself when a message comes again."""
_COUNT_MESSAGES = "sqs:GetQueueAttributes"
"""Where photos are embedded again, a function asks how many are left."""


class PrivateNetwork(Construct):
    """Subnets without a way out, and who may talk to whom."""

    vpc: ec2.IVpc
    functions: ec2.ISecurityGroup
    index: ec2.ISecurityGroup

    def __init__(self, scope: Construct, id: str, *, settings: StageSettings) -> None:
        super().__init__(scope, id)
        self._s3: ec2.GatewayVpcEndpoint | None = None
        if settings.vpc_id:
            self._use(settings)
        else:
            self._create(settings)
        # An existing domain has its own group, which lets the functions' in.
        if not settings.domain_endpoint:
            self.index = self._group("Index", "The face index")
            self.index.add_ingress_rule(self.functions, ec2.Port.tcp(443), "The functions")
        for part in self.node.find_all():
            if isinstance(part, CfnResource):
                part.apply_removal_policy(removal_policy(settings))

    def _use(self, settings: StageSettings) -> None:
        """Take a network that is there, with its group of functions."""
        zones = range(len(settings.subnet_ids))
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=settings.vpc_id,
            availability_zones=[Fn.select(zone, Fn.get_azs()) for zone in zones],
            isolated_subnet_ids=list(settings.subnet_ids),
        )
        Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-ec2:noSubnetRouteTableId", "Nothing is routed here."
        )
        self.functions = ec2.SecurityGroup.from_security_group_id(
            self, "Functions", settings.security_group_id, mutable=False
        )

    def _create(self, settings: StageSettings) -> None:
        """Isolated subnets, S3's endpoint, and the group of functions."""
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
        )
        self._s3 = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self.functions = self._group("Functions", "The functions")
        # Anywhere is only the endpoints and the index: there is no other route.
        self.functions.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "S3, SQS, the index")
        self._let_out_to_queues()
        self._log_traffic()

    def _log_traffic(self) -> None:
        """Log who talks to whom."""
        traffic = logs.LogGroup(
            self,
            "Traffic",
            retention=logs.RetentionDays.ONE_MONTH,
        )
        self.vpc.add_flow_log(
            "FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(traffic)
        )

    @property
    def outputs(self) -> dict[str, str]:
        """The settings by which another stack takes this network, by the names of outputs."""
        subnets = self.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        return {
            "VpcId": self.vpc.vpc_id,
            "SubnetIds": Fn.join(",", subnets.subnet_ids),
            "SecurityGroupId": self.functions.security_group_id,
        }

    def let_out_to_s3(self, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Let these requests pass S3's endpoint. Without any, everything of anyone's passes.

        Nothing else in the network needs S3: Lambda fetches functions and layers from outside.
        """
        if self._s3 is None:
            return  # An existing network has its endpoint, whose policy is its owner's.
        self._s3.add_to_policy(_of_this_account(actions, resources))

    def _let_out_to_queues(self) -> None:
        """Let the index function say when a message comes again. Its role names the one queue.

        Not this stack's queue alone: the network may outlive it, and serve another one's.
        """
        group = self._group("Queues", "The endpoint of SQS")
        group.add_ingress_rule(self.functions, ec2.Port.tcp(443), "The functions")
        endpoint = self.vpc.add_interface_endpoint(
            "SQS",
            service=ec2.InterfaceVpcEndpointAwsService.SQS,
            subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[group],
            open=False,
        )
        queues = Stack.of(self).format_arn(service="sqs", resource="*")
        endpoint.add_to_policy(_of_this_account((*QUEUE_ACTIONS, _COUNT_MESSAGES), [queues]))

    def _group(self, id: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, id, vpc=self.vpc, description=description, allow_all_outbound=False
        )


def _of_this_account(actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    """Else whoever gets in could carry photos out with keys of another account."""
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=list(resources),
        conditions={
            "StringEquals": {
                "aws:PrincipalAccount": Aws.ACCOUNT_ID,
                "aws:ResourceAccount": Aws.ACCOUNT_ID,
            }
        },
    )
