"""API keys that see some collections only. The search function holds callers to it."""

from collections.abc import Mapping, Sequence

import msgspec
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from cdk.settings import StageSettings


class LimitedKeys(Construct):
    """The keys by their names in the stage's file, and their collections."""

    def __init__(self, scope: Construct, id: str, *, settings: StageSettings) -> None:
        super().__init__(scope, id)
        self._collections: Mapping[str, Sequence[str]] = settings.collections_of_keys
        self.keys = {
            name: apigateway.ApiKey(self, name, api_key_name=f"{settings.stack}-{name}")
            for name in self._collections
        }

    @property
    def environment(self) -> dict[str, str]:
        """What the search function has to know: ids of keys, which are no secrets."""
        # Ids are known at deployment only, and CloudFormation has no names of fields that are.
        fields = [
            f'"{key.key_id}":{_json(self._collections[name])}' for name, key in self.keys.items()
        ]
        return {"FACESEARCH_KEY_COLLECTIONS": f"{{{','.join(fields)}}}"}

    @property
    def outputs(self) -> dict[str, str]:
        ids = [f"{name}={key.key_id}" for name, key in self.keys.items()]
        return {"LimitedKeyIds": ",".join(ids)} if ids else {}


def _json(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()
