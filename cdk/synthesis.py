"""Make the app from the CDK's context, for `app.py` and for the tests."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Annotations, App, Environment, Stack, Tags

from cdk.assets import BuiltLayers
from cdk.record import STAGES, read_record
from cdk.reembedding import ReembeddingStack
from cdk.settings import index_differences, read_settings
from cdk.stack import FaceSearchStack

_CONTEXT = {
    # SAM finds code and layers by this, and runs the template as it is.
    "aws:cdk:enable-asset-metadata": True,
    "aws:cdk:enable-path-metadata": True,
    # Behaviour that the CDK keeps off for older apps.
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-s3:createDefaultLoggingPolicy": True,
    "@aws-cdk/core:target-partitions": ["aws"],
    # Without it new models alone publish no version: the search alias would keep the old ones,
    # while the index function has the new.
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
}


def build_app(
    *,
    out: Path,
    build: Path,
    account: str | None = None,
    region: str | None = None,
    context: Mapping[str, object] | None = None,
    stages: Path = STAGES,
) -> App:
    """The app whose `synth` writes the stack's template and assets to `out`.

    `build` holds the built layers; `context` is what `-c` gives on the command line, where that
    does not start the app. Raises `SettingsError`.
    """
    app = App(outdir=str(out), context={**_CONTEXT, **(context or {})})
    settings = read_settings(app.node.get_all_context(), region=region, stages=stages)
    built = BuiltLayers.in_folder(build, settings.architecture)
    built.check(settings.chosen_recipe)
    env = Environment(account=account, region=region)
    stack: Stack
    if settings.reembedding:
        stack = ReembeddingStack(app, settings=settings, built=built, env=env)
    else:
        running = read_record(settings.stack, region, stages)
        stack = FaceSearchStack(
            app,
            settings.stack,
            settings=settings,
            protected=settings.retain and running is not None,
            built=built,
            env=env,
        )
        differences = index_differences(settings, running) if running is not None else []
        if differences:
            Annotations.of(stack).add_info(
                f"The index that is there has {', '.join(differences)}, and keeps that: after this "
                f"deployment, run 'cdk deploy -c stage={settings.stage} -c reembedding=2' and "
                f"'facesearch reembed {settings.stack}-reembedding', which bring it to the "
                "settings while it is in use (cdk/README.md, 'Upgrade the models')."
            )
    Tags.of(stack).add("project", "facesearch")
    Tags.of(stack).add("stage", settings.stage)
    return app
