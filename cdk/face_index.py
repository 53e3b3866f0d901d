"""The face index: a new or existing domain, and what each function may do in it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from aws_cdk import Aws, Fn, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.justified import justify_wildcards
from cdk.network import PrivateNetwork
from cdk.search_domain import SearchDomain
from cdk.settings import DOMAIN_ENDPOINT, StageSettings
from facesearch.planning.hnsw import hnsw_for
from facesearch.stores.opensearch.documents import HIDDEN
from facesearch.stores.opensearch.snapshots import REPOSITORY

INDEX = "faces"
_FIRST_INDEX = f"{INDEX}-000001"
_INDEXES = f"{INDEX}-*"
"""The indexes by number, and the aliases."""
_OF_RECIPES = f"{INDEX}-v1-*"
"""The aliases that the store reads and writes through, one for each recipe."""


@dataclass(frozen=True)
class FoundDomain:
    """A domain of another stack, in this region."""

    endpoint: str
    arn: str


class FaceIndex(Construct):
    """The store's URL, and grants that are limited to its indexes."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: StageSettings,
        network: PrivateNetwork | None,
        found: FoundDomain | None = None,
    ) -> None:
        super().__init__(scope, id)
        existing = DOMAIN_ENDPOINT.fullmatch(settings.domain_endpoint)
        if existing:
            self.endpoint = settings.domain_endpoint
            self.domain_name = existing["name"]
            self.region = existing["region"]
            self.arn = Stack.of(self).format_arn(
                service="es", region=self.region, resource="domain", resource_name=existing["name"]
            )
        elif found:
            self.endpoint, self.arn = found.endpoint, found.arn
            self.domain_name = Fn.select(1, Fn.split("/", found.arn))
            self.region = Aws.REGION
        else:
            domain = SearchDomain(self, "Search", settings=settings, network=network).domain
            self.endpoint = domain.attr_domain_endpoint
            self.domain_name = domain.ref
            self.region = Aws.REGION
            self.arn = domain.attr_arn
        size = settings.sizing.index
        hnsw = hnsw_for(size.faces_in_shard)
        options = urlencode(
            {
                "shards": size.shards,
                "replicas": size.replicas,
                "compression": settings.compression,
                "m": hnsw.m,
                "ef_construction": hnsw.ef_construction,
                "ef_search": hnsw.ef_search,
            }
        )
        self.store_url = f"opensearch+aws://{self.endpoint}/{INDEX}?region={self.region}&{options}"

    def grant_search(self, role: iam.Role) -> None:
        """Allow reading and searching, and no change."""
        self._grant(role, "es:ESHttpGet", f"{INDEX}/_mapping", f"{_OF_RECIPES}/_doc/*")
        self._grant(role, "es:ESHttpPost", f"{_OF_RECIPES}/_search", f"{_OF_RECIPES}/_mget")

    def grant_hide(self, role: iam.Role) -> None:
        """Allow writing down which faces people hid, in documents of their own."""
        self._grant(role, "es:ESHttpPut", f"{_OF_RECIPES}/_doc/{HIDDEN}*")

    def grant_write(self, role: iam.Role) -> None:
        """Allow creating the first index and writing documents, but no deleting."""
        self._grant(role, "es:ESHttpGet", f"{INDEX}/_mapping")
        self._grant(role, "es:ESHttpPut", _FIRST_INDEX)
        self._grant(role, "es:ESHttpPost", f"{_OF_RECIPES}/_bulk")

    def grant_rebuild(self, role: iam.Role) -> None:
        """Allow building a new index beside the old one, and putting it in its place."""
        self._grant(role, "es:ESHttpGet", f"{INDEX}/_mapping", _INDEXES)
        self._grant(role, "es:ESHttpPost", _INDEXES, "_aliases", "_reindex")
        self._grant(role, "es:ESHttpPut", _INDEXES)
        self._grant(role, "es:ESHttpDelete", _INDEXES)

    def grant_operate(self, policy: iam.ManagedPolicy) -> None:
        """Allow looking after the store: its state, a new index beside the old one, removals."""
        health = ("_cluster/allocation/explain", "_cluster/health/*")
        self._grant(policy, "es:ESHttpGet", f"{INDEX}/*", _INDEXES, *health)
        self._grant(policy, "es:ESHttpPost", f"{INDEX}/*", _INDEXES, "_aliases", "_reindex")
        self._grant(policy, "es:ESHttpPut", _INDEXES)
        self._grant(policy, "es:ESHttpDelete", _INDEXES)

    def grant_snapshots(self, policy: iam.ManagedPolicy) -> None:
        """Allow taking and restoring snapshots, in one repository. It allows no deleting."""
        paths = (f"_snapshot/{REPOSITORY}", f"_snapshot/{REPOSITORY}/*")
        self._grant(policy, "es:ESHttpPut", *paths)
        self._grant(policy, "es:ESHttpGet", paths[1])
        self._grant(policy, "es:ESHttpPost", f"_snapshot/{REPOSITORY}/*/_restore")

    def _grant(self, to: iam.Role | iam.ManagedPolicy, action: str, *paths: str) -> None:
        resources = [f"{self.arn}/{path}" for path in paths]
        statement = iam.PolicyStatement(actions=[action], resources=resources)
        to.grant_principal.add_to_principal_policy(statement)
        justify_wildcards(
            to,
            resources,
            "Indexes end in a number, aliases in a fingerprint, documents' paths in an id.",
        )
