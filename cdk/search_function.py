"""The search function behind an alias, which decides how a cold start is avoided."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.face_index import FaceIndex
from cdk.function import FaceFunction
from cdk.layers import Layers
from cdk.network import Network
from cdk.photo_bucket import PhotoBucket
from cdk.settings import StageSettings


class SearchFunction(Construct):
    """Reads the index and the photos, and writes nothing."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        index: FaceIndex,
        photos: PhotoBucket,
        network: Network | None,
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
            },
        )
        index.grant_search(searching.role)
        photos.grant_read(searching.role)
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
