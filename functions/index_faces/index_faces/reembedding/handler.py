"""The entry point of Lambda where photos are embedded again.

Events of the queue are photos to embed. `{"reembed": "state"}`, `"begin"` and `"drop-old"` are the
operator's, who gets an answer; `"step"` is the clock's.
"""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from functools import cache
from time import monotonic, sleep
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

import index_faces.handler
from facesearch.errors import FacesearchError, InvalidRequest
from facesearch.photos.ids import photo_id
from facesearch.stores import open_fanned_rebuild
from facesearch.stores.opensearch.fanned import FannedRebuild
from facesearch.vision.pipeline import FacePipeline
from index_faces.reembedding.queue import PhotoQueue
from index_faces.reembedding.settings import ReembeddingSettings

logger = Logger(service="reembedding")

Answer = Mapping[str, str | int | list[str]]


@cache
def read_settings() -> ReembeddingSettings:
    """Raises `SettingsError`, and then tries again."""
    return ReembeddingSettings.from_env(os.environ)


@cache
def open_queue(url: str) -> PhotoQueue:
    return PhotoQueue.at(url)


def handler(event: Mapping[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Embed photos, or go on with the rebuild. An error is answered with its code and message."""
    if "Records" in event:
        answer: Mapping[str, Any] = index_faces.handler.handler(event, context)
        return answer
    try:
        return _answer(str(event.get("reembed")), context)
    except FacesearchError as error:
        logger.error("nothing could be done", error=error.code, reason=str(error))
        return {"error": error.code, "reason": str(error)}


def _answer(asked: str, context: LambdaContext) -> Answer:
    settings = read_settings()
    shared = settings.index.shared
    recipe = FacePipeline.from_settings(shared).recipe
    with closing(open_fanned_rebuild(shared.store_url, recipe)) as rebuild:
        match asked:
            case "state":
                return _told(rebuild, settings, context)
            case "begin":
                rebuild.begin(photo_id(settings.index.bucket, ""))
                return _told(rebuild, settings, context)
            case "drop-old":
                return {"dropped": rebuild.drop_old()}
            case "step":
                until = monotonic() + context.get_remaining_time_in_millis() / 1000
                state = rebuild.step(
                    open_queue(settings.queue_url), lambda: until - monotonic(), sleep
                )
                logger.info("step", extra=asdict(state))
                return asdict(state)
    raise InvalidRequest("reembed is none of state, begin, step, drop-old")


def _told(rebuild: FannedRebuild, settings: ReembeddingSettings, context: LambdaContext) -> Answer:
    return {
        **asdict(rebuild.state()),
        "waiting": open_queue(settings.queue_url).waiting(),
        "concurrency": settings.concurrency,
        "memory_mb": int(context.memory_limit_in_mb),
        "threads": settings.index.shared.threads,
    }
