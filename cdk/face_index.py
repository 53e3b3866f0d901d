"""The face index: a domain, new or existing, and what each function may ask of it."""

from collections.abc import Sequence
from urllib.parse import urlencode

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.network import Network
from cdk.search_domain import SearchDomain
from cdk.settings import DOMAIN_ENDPOINT, StageSettings

INDEX = "faces"
"""The alias; the indexes behind it are called so, with a suffix."""

_READ = ("es:ESHttpGet", "es:ESHttpHead")
# Searching and counting send a body: the only things that POST may do without writing.
_SEARCH_PATHS = (f"{INDEX}/_search", f"{INDEX}/_count")


class FaceIndex(Construct):
    """Where the store is, by URL, and grants that go no further than its indexes."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, network: Network | None
    ) -> None:
        super().__init__(scope, id)
        existing = DOMAIN_ENDPOINT.fullmatch(settings.domain_endpoint)
        if existing:
            self.endpoint = settings.domain_endpoint
            self.domain_name = existing["name"]
            self.region = existing["region"]
            self._arn = Stack.of(self).format_arn(
                service="es", region=self.region, resource="domain", resource_name=existing["name"]
            )
        else:
            domain = SearchDomain(self, "Search", settings=settings, network=network).domain
            self.endpoint = domain.attr_domain_endpoint
            self.domain_name = domain.ref
            self.region = Aws.REGION
            self._arn = domain.attr_arn
        size = settings.sizing.index
        options = urlencode({"shards": size.shards, "replicas": size.replicas})
        self.store_url = f"opensearch+aws://{self.endpoint}/{INDEX}?region={self.region}&{options}"

    def grant_search(self, role: iam.Role) -> None:
        """Reading and searching; nothing that changes a document or an index."""
        self._grant(role, _READ, (INDEX, f"{INDEX}/*", f"{INDEX}-*"))
        self._grant(role, ("es:ESHttpPost",), _SEARCH_PATHS)

    def grant_write(self, role: iam.Role) -> None:
        """Creating indexes and writing documents; no deleting of indexes."""
        paths = (INDEX, f"{INDEX}/*", f"{INDEX}-*")
        self._grant(role, (*_READ, "es:ESHttpPut", "es:ESHttpPost"), paths)

    def _grant(self, role: iam.Role, actions: Sequence[str], paths: Sequence[str]) -> None:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=list(actions), resources=[f"{self._arn}/{path}" for path in paths]
            )
        )
