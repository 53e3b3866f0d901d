"""ministack's application, run in its own environment, with two things put as AWS has them.

S3's sequencers hold the time (see `index_faces.events`); ministack counts events by one, so that
what is put soon after a deletion is no newer than that. IAM knows no actions of SQS's batches: who
may do a thing may do ten.
"""

import itertools
import time

from ministack.core import iam_actions  # type: ignore[import-not-found]
from ministack.services import s3  # type: ignore[import-not-found]

s3._event_sequence = ((time.time_ns() << 32) // 1_000_000_000 for _ in itertools.count())

_extract = iam_actions.extract_iam_action


def _extract_iam_action(*arguments: object, **options: object) -> str | None:
    action: str | None = _extract(*arguments, **options)
    return action.removesuffix("Batch") if action and action.startswith("sqs:") else action


iam_actions.extract_iam_action = _extract_iam_action

from ministack.app import app  # type: ignore[import-not-found]  # noqa: E402

__all__ = ["app"]
