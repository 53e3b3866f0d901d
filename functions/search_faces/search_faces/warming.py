"""Load the models before the first request, where the platform starts ahead of it."""

from collections.abc import Callable, Mapping

from search_faces.service import SearchService

AHEAD = ("snap-start", "provisioned-concurrency")


def load_models_early(
    environ: Mapping[str, str], open_service: Callable[[], SearchService]
) -> None:
    """Load the models now if no request is waiting for this start.

    SnapStart's snapshot then holds them. Nothing connects yet: connections would not survive the
    snapshot. Raises `ModelError` or `SettingsError`; Lambda then does not publish the version.
    """
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") in AHEAD:
        open_service().pipeline.warm()
