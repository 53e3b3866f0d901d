"""The whole system as one stack: composition and grants, nothing else."""

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from cdk.assets import BuiltLayers
from cdk.canary import Canary
from cdk.connected import OUTPUT as RULES_OUTPUT
from cdk.connected import bucket_rules
from cdk.deployed import OUTPUT as SETTINGS_OUTPUT
from cdk.downgrades import guarded
from cdk.face_index import FaceIndex
from cdk.ingestion import Ingestion
from cdk.key import CustomerKey
from cdk.layers import Layers
from cdk.limited_keys import LimitedKeys
from cdk.metrics import Metrics
from cdk.network import PrivateNetwork
from cdk.observability import Observability
from cdk.operators import Operators
from cdk.record import format_record
from cdk.reembedding import IMPORTED, export_name
from cdk.search_api import SearchApi
from cdk.search_function import SearchFunction
from cdk.settings import StageSettings
from cdk.snapshots import Snapshots


class FaceSearchStack(Stack):
    """The stack of one stage."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: StageSettings,
        built: BuiltLayers,
        protected: bool = False,
        env: Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            env=env,
            description="facesearch: reverse visual search for faces",
            termination_protection=protected,
        )
        network = PrivateNetwork(self, "Network", settings=settings) if settings.vpc else None
        layers = Layers(self, "Layers", settings=settings, built=built)
        index = FaceIndex(self, "Index", settings=settings, network=network)
        ingestion = Ingestion(
            self, "Ingestion", settings=settings, layers=layers, index=index, network=network
        )
        keys = LimitedKeys(self, "Keys", settings=settings)
        search = SearchFunction(
            self,
            "Search",
            settings=settings,
            layers=layers,
            index=index,
            photos=ingestion.photos,
            network=network,
            keys=keys,
        )
        api = SearchApi(
            self,
            "SearchApi",
            settings=settings,
            alias=search.alias,
            limited=list(keys.keys.values()),
        )
        metrics = Metrics(
            changes=ingestion.changes,
            dead_letters=ingestion.dead_letters,
            indexing=ingestion.function,
            searching=search.function,
            api=api.api,
            domain_name=index.domain_name,
            stack_name=self.stack_name,
        )
        watch = Observability(self, "Observability", settings=settings, metrics=metrics)
        if settings.canary:
            # With a tenth of the callers, a version that always fails makes a tenth of errors.
            Canary(self, "Canary", alias=search.alias, alarms=[watch.alarms["SearchErrors"]])
        operators = Operators(self, "Operators", index=index, ingestion=ingestion)
        snapshots = None
        if settings.snapshots:
            snapshots = Snapshots(
                self, "Snapshots", settings=settings, index=index, operators=operators.policy
            )
        if network:
            ingestion.photos.open_way_out(network)
        key = None
        if settings.customer_key:
            key = CustomerKey(self, "Key", settings=settings, photo_bucket_arn=ingestion.photos.arn)
            for reader in (ingestion.function, search.function, operators.policy):
                key.grant_read(reader)
            if settings.uploads:
                key.grant_write(search.function)
            # It sends messages again.
            key.grant_write(ingestion.function)
            key.grant_write(operators.policy)
            if snapshots is not None:
                key.grant_read(snapshots.role)
                key.grant_write(snapshots.role)
            key.encrypt(self)
        outputs = {
            "PhotoBucket": ingestion.photos.bucket.bucket_name,
            "ApiUrl": api.api.url,
            "IndexEndpoint": index.endpoint,
            "IndexArn": index.arn,
            "StoreUrl": index.store_url,
            "ChangesQueue": ingestion.changes.queue_url,
            "DeadLetterQueue": ingestion.dead_letters.queue_url,
            "AlarmTopic": watch.topic.topic_arn,
            "Dashboard": watch.dashboard.dashboard_name,
            "OperatorPolicy": operators.policy.managed_policy_arn,
            SETTINGS_OUTPUT: format_record(guarded(settings)),
        }
        outputs |= network.outputs if network else {}
        if api.domain_target is not None:
            outputs["ApiDomainTarget"] = api.domain_target
        if api.key is not None:
            outputs["ApiKeyId"] = api.key.key_id
        outputs |= keys.outputs
        outputs |= snapshots.outputs if snapshots else {}
        if settings.bucket:
            rules = bucket_rules(settings, ingestion.changes.queue_arn)
            outputs[RULES_OUTPUT] = self.to_json_string(rules)
        outputs |= {"KeyArn": key.arn} if key else {}
        for name, value in outputs.items():
            # The stack that embeds photos again takes them from there.
            export = export_name(settings, name) if name in IMPORTED else None
            CfnOutput(self, name, value=value, export_name=export)
