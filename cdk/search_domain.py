"""The OpenSearch Service domain itself: encrypted, HTTPS only, sized by the capacity formulas."""

from aws_cdk import Annotations, Aws, CfnUpdatePolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.aws_opensearchservice import CfnDomain
from constructs import Construct

from cdk.justified import justify
from cdk.logs import log_group
from cdk.network import PrivateNetwork
from cdk.regions import node_in
from cdk.retention import removal_policy
from cdk.settings import StageSettings
from facesearch.planning.capacity import IndexSize
from facesearch.planning.nodes import MANAGERS


class SearchDomain(Construct):
    """The domain has no access policy: only roles whose policies name it can send requests."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, network: PrivateNetwork | None
    ) -> None:
        super().__init__(scope, id)
        size = settings.sizing.index
        errors = log_group(self, "Errors", settings)
        may_log = _let_domains_write(self, errors)
        self.domain = CfnDomain(
            self,
            "Domain",
            engine_version="OpenSearch_3.5",
            cluster_config=_cluster(size, Stack.of(self).region),
            ebs_options=CfnDomain.EBSOptionsProperty(
                ebs_enabled=True, volume_type="gp3", volume_size=size.disk_gib
            ),
            encryption_at_rest_options=CfnDomain.EncryptionAtRestOptionsProperty(enabled=True),
            node_to_node_encryption_options=CfnDomain.NodeToNodeEncryptionOptionsProperty(
                enabled=True
            ),
            domain_endpoint_options=CfnDomain.DomainEndpointOptionsProperty(
                enforce_https=True, tls_security_policy="Policy-Min-TLS-1-2-PFS-2023-10"
            ),
            # A request's path says which index it is about, and so do the roles' policies: the body
            # of a bulk request must not name another.
            advanced_options={"rest.action.multi.allow_explicit_index": "false"},
            # Errors only: slow logs would hold the vectors of the faces that are searched for.
            log_publishing_options={
                "ES_APPLICATION_LOGS": CfnDomain.LogPublishingOptionProperty(
                    enabled=True, cloud_watch_logs_log_group_arn=errors.log_group_arn
                )
            },
            software_update_options=CfnDomain.SoftwareUpdateOptionsProperty(
                auto_software_update_enabled=True
            ),
            vpc_options=_place(network, size.zones),
        )
        # A new version is an upgrade in place, not another, empty domain.
        self.domain.cfn_options.update_policy = CfnUpdatePolicy(enable_version_upgrade=True)
        self.domain.apply_removal_policy(removal_policy(settings))
        self.domain.node.add_dependency(may_log)
        if size.manager is None and size.replicas:
            Annotations.of(self).add_info(
                f"{size.nodes} data nodes in {size.zones} zones, and no managers: when a node or a "
                "zone is lost, no data is, but the index may answer and take nothing until AWS "
                "has replaced the node, which takes minutes to an hour; photos wait in the queue. "
                "Stage prod (three zones, managers) goes on at once."
            )
        self._justify(size, network)

    def _justify(self, size: IndexSize, network: PrivateNetwork | None) -> None:
        justify(
            self.domain,
            ["OS3", "OS5"],
            "Without a policy of its own the domain refuses whoever is not signed in as a role "
            "whose policy names it; functions have no fixed addresses.",
        )
        justify(
            self.domain,
            ["OS9[LogExport::SEARCH_SLOW_LOGS]", "OS9[LogExport::INDEX_SLOW_LOGS]"],
            "Slow logs hold the searched and the stored vectors: biometric data.",
        )
        if network is None:
            justify(self.domain, ["OS1"], "Signed requests over HTTPS only; vpc=true moves it.")
        if size.manager is None:
            justify(self.domain, ["OS4"], "A stage to develop on: its index can be made again.")
        if size.zones == 1:
            justify(self.domain, ["OS7"], "A stage to develop on: its index can be made again.")


def _cluster(size: IndexSize, region: str) -> CfnDomain.ClusterConfigProperty:
    zones = CfnDomain.ZoneAwarenessConfigProperty(availability_zone_count=size.zones)
    return CfnDomain.ClusterConfigProperty(
        instance_type=node_in(region, size.node.name),
        instance_count=size.nodes,
        zone_awareness_enabled=size.zones > 1,
        zone_awareness_config=zones if size.zones > 1 else None,
        dedicated_master_enabled=size.manager is not None,
        dedicated_master_type=node_in(region, size.manager.name) if size.manager else None,
        dedicated_master_count=MANAGERS if size.manager else None,
        # It would want a third copy of everything.
        multi_az_with_standby_enabled=False,
    )


def _place(network: PrivateNetwork | None, zones: int) -> CfnDomain.VPCOptionsProperty | None:
    if network is None:
        return None
    subnets = network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    return CfnDomain.VPCOptionsProperty(
        subnet_ids=subnets.subnet_ids[:zones],
        security_group_ids=[network.index.security_group_id],
    )


def _let_domains_write(scope: Construct, group: logs.LogGroup) -> logs.ResourcePolicy:
    """The service must be allowed before a domain names the group."""
    return logs.ResourcePolicy(
        scope,
        "ErrorsPolicy",
        policy_statements=[
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("es.amazonaws.com")],
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[group.log_group_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        ],
    )
