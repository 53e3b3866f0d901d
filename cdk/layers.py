"""The three layers that both functions share: wheels, the package, models."""

from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.assets import BYTE_CODE, FACESEARCH_LAYER, BuiltLayers
from cdk.settings import StageSettings

ARCHITECTURES = {
    "x86_64": lambda_.Architecture.X86_64,
    "arm64": lambda_.Architecture.ARM_64,
}


class Layers(Construct):
    """The three layers. Each is uploaded again only when it changes."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, built: BuiltLayers
    ) -> None:
        super().__init__(scope, id)
        self.architecture = ARCHITECTURES[settings.architecture]
        self.all = [
            self._layer("Dependencies", built.dependencies),
            self._layer("Facesearch", FACESEARCH_LAYER),
            self._layer("Models", built.models),
        ]

    def _layer(self, id: str, folder: Path) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            id,
            code=lambda_.Code.from_asset(str(folder), exclude=BYTE_CODE),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[self.architecture],
        )
