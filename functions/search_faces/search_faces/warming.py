"""Load the models before the first request, where the platform starts ahead of it."""

import random
from collections.abc import Callable, Mapping

from search_faces.service import SearchService

SNAPSHOT = "snap-start"
AHEAD = (SNAPSHOT, "provisioned-concurrency")


def load_models_early(
    environ: Mapping[str, str], open_service: Callable[[], SearchService]
) -> None:
    """Load the models, and make the bucket's client, if no request is waiting for this start.

    SnapStart's snapshot then holds them. Nothing connects yet: connections would not survive the
    snapshot. Raises `ModelError` or `SettingsError`; Lambda then does not publish the version.
    """
    kind = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
    if kind in AHEAD:
        service = open_service()
        service.pipeline.warm()
        service.prepare()
    if kind == SNAPSHOT:
        _be_different_after_restore()


def _be_different_after_restore() -> None:
    """Seed the random numbers anew in each copy of the snapshot.

    All would otherwise draw the same pauses, and try again at the same moments.
    """
    # Lambda's runtime has it, and nothing else.
    from snapshot_restore_py import register_after_restore  # noqa: PLC0415

    register_after_restore(random.seed)
