"""How long and how often something is tried again."""

from facesearch.stores.opensearch.backoff import Backoff


class _Time:
    """A clock that only sleeping and the work between tries move on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, pause: float) -> None:
        self.pauses.append(pause)
        self.now += pause


def _longest(_: float, most: float) -> float:
    return most


def test_pauses_double_up_to_the_most() -> None:
    time = _Time()
    backoff = Backoff(6, 1000, 1, 5, time.clock, time.sleep, _longest)
    assert list(backoff.tries()) == [1, 2, 3, 4, 5, 6]
    assert time.pauses == [1, 2, 4, 5, 5]


def test_no_try_begins_after_the_total_time() -> None:
    time = _Time()
    backoff = Backoff(100, 10, 1, 5, time.clock, time.sleep, _longest)
    tries = 0
    for _ in backoff.tries():
        tries += 1
        time.now += 1.5
    assert tries == 3
    assert time.now - 100 - 1.5 <= 10


def test_pauses_are_drawn_from_zero_to_the_bound() -> None:
    time = _Time()
    list(Backoff(200, 1e9, 2, 2, time.clock, time.sleep).tries())
    assert min(time.pauses) < 0.2
    assert max(time.pauses) > 1.8
    assert max(time.pauses) <= 2


def test_first_try_comes_at_once() -> None:
    time = _Time()
    assert next(Backoff(3, 10, 1, 5, time.clock, time.sleep).tries()) == 1
    assert time.pauses == []
