"""Load the models before the first request, where the platform starts ahead of it."""

from collections.abc import Callable, Mapping

from search_faces.service import Service

AHEAD = ("snap-start", "provisioned-concurrency")


def warm_ahead(environ: Mapping[str, str], open_service: Callable[[], Service]) -> None:
    """Open what the first search needs, unless a request is waiting for this start.

    What a module's import leaves in memory is in SnapStart's snapshot. Nothing is connected to:
    connections would not survive it. Raises `ModelError` or `SettingsError`, on which Lambda does
    not publish the version.
    """
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") in AHEAD:
        open_service().pipeline.warm()
