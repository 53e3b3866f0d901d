"""A Lambda function: its code, the three layers, a role with least privilege, its log."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, Stack, Stage
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.assets import BYTE_CODE, FUNCTIONS
from cdk.justified import justify
from cdk.layers import Layers
from cdk.logs import log_group
from cdk.network import PrivateNetwork
from cdk.page import bundle_code
from cdk.settings import StageSettings
from facesearch.planning.capacity import IngestionSize, SearchSize
from facesearch.stages import METRICS_NAMESPACE

_ANY_RESOURCE = "IAM5[Resource::*]"


class FaceFunction(Construct):
    """One of the two packages in `functions/`, on Lambda."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        package: str,
        size: IngestionSize | SearchSize,
        settings: StageSettings,
        layers: Layers,
        network: PrivateNetwork | None,
        environment: Mapping[str, str],
        snapshots: bool = False,
        sends_again: bool = False,
        module: str = "handler",
        name: str | None = None,
    ) -> None:
        """`sends_again`: it sends messages to the queue that they came from.

        The handler is in a `module` of the package. Without a `name`, CloudFormation gives one.
        """
        super().__init__(scope, id)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log = log_group(self, "Log", settings)
        log.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=layers.architecture,
            handler=f"{package}.{module}.handler",
            function_name=name,
            code=lambda_.Code.from_asset(str(self._code(package)), exclude=BYTE_CODE),
            layers=layers.all,
            role=self.role,
            log_group=log,
            memory_size=size.memory_mb,
            timeout=Duration.seconds(size.timeout_s),
            tracing=lambda_.Tracing.ACTIVE if settings.tracing else lambda_.Tracing.DISABLED,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snapshots else None,
            # Lambda takes messages that go round for a loop, and gives them up after 16 rounds.
            recursive_loop=lambda_.RecursiveLoop.ALLOW if sends_again else None,
            vpc=network.vpc if network else None,
            security_groups=[network.functions] if network else None,
            environment={
                "FACESEARCH_MODELS": "/opt/models",
                "FACESEARCH_RECIPE": settings.chosen_recipe.name,
                "FACESEARCH_MIN_FACE_SIZE": f"{settings.min_face_size:g}",
                "FACESEARCH_MIN_SHARPNESS": f"{settings.min_sharpness:g}",
                "FACESEARCH_MIN_DETECTION_SCORE": f"{settings.min_detection_score:g}",
                "FACESEARCH_MAX_FACES": str(settings.max_faces),
                # Empty: as measured, by the number of faces.
                "FACESEARCH_VERY_LIKELY_DISTANCE": (
                    f"{settings.very_likely_distance:g}" if settings.very_likely_distance else ""
                ),
                "FACESEARCH_THREADS": str(size.threads),
                # NumPy would start a thread for each core as it is imported, and use none.
                "OPENBLAS_NUM_THREADS": "1",
                # The package sets it, too; here it holds whatever is imported first.
                "ORT_DISABLE_TELEMETRY": "1",
                "FACESEARCH_STACK": Stack.of(self).stack_name,
                "POWERTOOLS_SERVICE_NAME": package,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
        )
        justify(self.function, ["L1"], "The layers are built and tested for Python 3.13.")
        if settings.tracing:
            justify(self.role, [_ANY_RESOURCE], "X-Ray's two actions know no resources.")
        if network:
            _let_join_network(self.role)

    def _code(self, package: str) -> Path:
        """The folder to deploy: the package's own, or a copy with its page bundled."""
        folder = FUNCTIONS / package
        if not (folder / package / "page").is_dir():
            return folder
        app = Stage.of(self)
        if app is None:
            raise TypeError("the construct is in no app")
        return bundle_code(folder, Path(app.asset_outdir) / f"bundled-{package}")


def _let_join_network(role: iam.Role) -> None:
    """Lambda attaches functions to a network with the function's own role."""
    role.add_to_policy(
        iam.PolicyStatement(
            actions=[
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:UnassignPrivateIpAddresses",
            ],
            resources=["*"],
        )
    )
    justify(role, [_ANY_RESOURCE], "Network interfaces have no names before Lambda makes them.")
