"""The CDK app: one stack, of the stage that the context names (`-c stage=prod`; default: dev)."""

import os
import sys
from pathlib import Path

from cdk.assets import ROOT
from cdk.synthesis import build_app
from facesearch.errors import SettingsError


def main() -> int:
    """What the CDK's command line runs; needs no account, no credentials and no Docker."""
    try:
        app = build_app(
            out=Path(os.environ.get("CDK_OUTDIR") or ROOT / "cdk.out"),
            build=Path(os.environ.get("FACESEARCH_BUILD") or ROOT / "build"),
            account=os.environ.get("CDK_DEFAULT_ACCOUNT"),
            region=os.environ.get("CDK_DEFAULT_REGION"),
        )
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
