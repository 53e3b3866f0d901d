"""Follow a batch of messages: which are done, which come again, and when.

What is one photo's fault uses up the message's receives: after a few tries in some minutes, it is
in the dead letters. What is not, such as a store or a bucket that is away, uses up none: the
message is sent again as a new one, for as long as it takes.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from facesearch.errors import (
    BucketUnavailable,
    FacesearchError,
    InputError,
    ModelError,
    SettingsError,
    StoreError,
    StoreUnavailable,
)
from facesearch.indexing import Status
from facesearch.planning.capacity import SLOWEST_PHOTO_S, STORE_WAIT_S
from index_faces.alone import AloneProcess
from index_faces.breaker import Breaker
from index_faces.delivery import Delivery
from index_faces.messages import BatchResult, index_messages
from index_faces.queue import MOST_DELAY_S, ChangesQueue
from index_faces.service import IndexService

FIRST_RETRY_S, LONGEST_RETRY_S = 10, 600
FIRST_DEFERRAL_S = 60
SPARE_S = 10
"""Messages are hidden until the function must have ended, and so much longer."""


@dataclass(slots=True)
class Followed:
    """What became of a batch: messages that `result` calls failed come again by the queue.

    `deferred` were sent as new messages. `untried` counts the messages whose photos have no
    outcome: nothing could be done. `reason` is the last error that was no photo's fault.
    """

    result: BatchResult = field(default_factory=BatchResult)
    deferred: list[Delivery] = field(default_factory=list)
    untried: int = 0
    reason: FacesearchError | None = None


class Batch:
    """One invocation's work. `left_s` tells the seconds that it may still take."""

    def __init__(
        self,
        open_service: Callable[[], IndexService],
        queue: ChangesQueue,
        breaker: Breaker,
        left_s: Callable[[], float],
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._open_service = open_service
        self._queue = queue
        self._breaker = breaker
        self._left_s = left_s
        self._jitter = jitter
        self._followed = Followed()

    def follow(self, deliveries: Sequence[Delivery]) -> Followed:
        """Follow the messages. Those that are neither `failed` nor `deferred` are done."""
        # If this process ends, they come again soon, not after the queue's long time-out.
        hidden_s = int(self._left_s()) + SPARE_S
        self._queue.hide(deliveries, lambda _: hidden_s)
        suspects = [each for each in deliveries if each.suspect]
        fresh = [each for each in deliveries if not each.suspect]
        with AloneProcess() as alone:
            for number, suspect in enumerate(suspects):
                self._try([suspect], partial(self._index_alone, alone), number)
        # The others may yet end this process: what is done with stays so.
        self._queue.delete([each for each in suspects if self._is_done(each)])
        for number, part in enumerate(self._parts(fresh)):
            self._try(part, self._index, len(suspects) + number)
        failed = [each for each in deliveries if each.message_id in self._followed.result.failed]
        self._queue.hide(failed, self._retry_s)
        return self._followed

    def _parts(self, fresh: Sequence[Delivery]) -> list[Sequence[Delivery]]:
        """All together; after a failure of the store, one goes first."""
        parts = [fresh[:1], fresh[1:]] if self._breaker.doubtful else [fresh]
        return [part for part in parts if part]

    def _try(
        self,
        part: Sequence[Delivery],
        index: Callable[[Sequence[Delivery]], BatchResult],
        number: int,
    ) -> None:
        needed_s = STORE_WAIT_S + SLOWEST_PHOTO_S * len(part)
        # The first always has the time, so that every batch makes some way.
        if self._breaker.open or (number > 0 and self._left_s() < needed_s):
            self._followed.untried += len(part)
            self._defer(part)
            return
        try:
            result = index(part)
        except FacesearchError as error:
            result = BatchResult(failed={each.message_id: error for each in part})
        if not result.outcomes:
            self._followed.untried += len(result.failed)
        self._add(result)
        self._defer(
            [each for each in part if is_of_the_service(result.failed.get(each.message_id))]
        )

    def _add(self, result: BatchResult) -> None:
        for error in result.failed.values():
            if is_of_the_service(error):
                self._followed.reason = error
                self._breaker.failed()
        if any(outcome.status in _STORED for outcome in result.outcomes):
            self._breaker.worked()
        followed = self._followed.result
        followed.outcomes += result.outcomes
        followed.refused += result.refused
        followed.failed |= result.failed

    def _index_alone(self, alone: AloneProcess, part: Sequence[Delivery]) -> BatchResult:
        # Wrong settings would end that process, too, and are not the photo's fault.
        self._open_service()
        (delivery,) = part
        return alone.index(delivery.message_id, delivery.body)

    def _index(self, part: Sequence[Delivery]) -> BatchResult:
        return index_messages({each.message_id: each.body for each in part}, self._open_service())

    def _defer(self, part: Sequence[Delivery]) -> None:
        """Send the messages again. What the queue does not take comes again by itself."""
        sent = self._queue.send_again(part, self._deferral_s)
        for each in part:
            if each.message_id in sent:
                self._followed.deferred.append(each)
                self._followed.result.failed.pop(each.message_id, None)
            else:
                self._followed.result.failed.setdefault(each.message_id, NOT_DEFERRED)

    def _deferral_s(self, delivery: Delivery) -> int:
        longest = min(FIRST_DEFERRAL_S * 2 ** min(delivery.deferrals, 10), MOST_DELAY_S)
        return int(longest * self._jitter(0.5, 1.0))

    def _retry_s(self, delivery: Delivery) -> int:
        error = self._followed.result.failed[delivery.message_id]
        if isinstance(error, InputError):
            # No S3 event: looking again makes it none, but SQS gives it up only so.
            return 0
        tries = 10 if is_of_the_service(error) else delivery.receives
        longest = min(FIRST_RETRY_S * 4 ** (min(tries, 10) - 1), LONGEST_RETRY_S)
        return int(longest * self._jitter(0.5, 1.0))

    def _is_done(self, delivery: Delivery) -> bool:
        return delivery.message_id not in self._followed.result.failed and (
            delivery not in self._followed.deferred
        )


_STORED = (Status.INDEXED, Status.WITHOUT_FACE, Status.FAILED, Status.REMOVED)
NOT_DEFERRED = StoreUnavailable("the messages could not be sent again: see the queue's policy")


def is_of_the_service(error: FacesearchError | None) -> bool:
    """Whether an error is no photo's fault: the same message may succeed when it has passed."""
    if isinstance(error, StoreError):
        # A plain one is of the photo itself: see `FaceStore.write`.
        return type(error) is not StoreError
    return isinstance(error, BucketUnavailable | ModelError | SettingsError)
