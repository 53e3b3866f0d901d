"""The search function behind an alias, which decides how a cold start is avoided."""

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.assets import commit
from cdk.face_index import FaceIndex
from cdk.function import FaceFunction
from cdk.layers import Layers
from cdk.limited_keys import LimitedKeys
from cdk.network import PrivateNetwork
from cdk.photos import Photos
from cdk.settings import StageSettings


class SearchFunction(Construct):
    """It reads the index and the photos. It signs upload forms, and notes hidden faces."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        index: FaceIndex,
        photos: Photos,
        network: PrivateNetwork | None,
        keys: LimitedKeys,
    ) -> None:
        super().__init__(scope, id)
        size = settings.sizing.search
        searching = FaceFunction(
            self,
            "SearchFaces",
            package="search_faces",
            size=size,
            settings=settings,
            layers=layers,
            network=network,
            snapshots=settings.start == "snapstart",
            environment={
                "FACESEARCH_STORE": index.store_url,
                "FACESEARCH_BUCKET": photos.bucket.bucket_name,
                **photos.environment,
                **keys.environment,
                "FACESEARCH_UPLOADS": "on" if settings.uploads else "off",
                "FACESEARCH_DELETION": "on" if settings.deletion else "off",
                "FACESEARCH_UPLOAD_ORIGIN": photos.origin if settings.uploads else "",
                "FACESEARCH_SUFFIXES": ",".join(settings.suffixes),
                # The function answers browsers' questions itself: only it sees every response.
                "FACESEARCH_CORS_ORIGINS": ",".join(settings.cors_origins),
                # `GET /version` tells what runs.
                "FACESEARCH_COMMIT": commit() or "",
            },
        )
        if settings.start == "snapstart":
            # The CDK's reminder to publish: the alias does.
            rule = "Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish"
            Validations.of(searching.function).acknowledge(
                Acknowledgment(id=rule, reason="The alias publishes every version.")
            )
        index.grant_search(searching.role)
        photos.grant_read(searching.role)
        if settings.uploads:
            photos.grant_upload(searching.role)
            index.grant_hide(searching.role)
        if settings.deletion:
            photos.grant_delete(searching.role)
        self.function = searching.function
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=self.function.current_version,
            provisioned_concurrent_executions=(
                size.concurrency if settings.start == "provisioned" else None
            ),
        )
