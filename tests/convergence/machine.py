"""Random histories of a bucket and its index: whatever happens, the index follows the bucket."""

import random
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.convergence.world import Fate, World

KEYS = st.sampled_from(["a.jpg", "b.jpg", "c d+é.jpg"])
PICKS = st.lists(st.integers(-2, 9), min_size=1, max_size=4)
"""Of the waiting messages; below zero, from the newest."""
FACE_PICKS = st.integers(0, 20)
FATES = st.sampled_from(Fate)

Action = Callable[[World], None]


def actions(contents: int) -> st.SearchStrategy[list[Action]]:
    """What may happen while a write or a rebuild is under way."""

    def put(key: str, content: int, delivered: bool) -> Action:
        def act(world: World) -> None:
            world.bucket.put(key, content)
            if delivered:
                world.deliver([-1], Fate.WRITTEN)

        return act

    def remove(key: str, delivered: bool) -> Action:
        def act(world: World) -> None:
            if world.bucket.remove(key) and delivered:
                world.deliver([-1], Fate.WRITTEN)

        return act

    def hide(pick: int, hidden: bool) -> Action:
        return lambda world: world.hide(pick, hidden=hidden)

    def deliver(picks: list[int]) -> Action:
        return lambda world: world.deliver(picks, Fate.WRITTEN)

    return st.lists(
        st.one_of(
            st.builds(put, KEYS, st.integers(0, contents - 1), st.booleans()),
            st.builds(remove, KEYS, st.booleans()),
            st.builds(hide, FACE_PICKS, st.booleans()),
            st.builds(deliver, PICKS),
        ),
        max_size=3,
    )


def history_machine(open_world: Callable[[], World], contents: int) -> type[RuleBasedStateMachine]:
    """A state machine whose every history starts with a world of its own.

    Objects have one of so many `contents`.
    """
    meanwhile = actions(contents)

    class History(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = open_world()
            self.order = random.Random(0)  # noqa: S311

        @initialize(seed=st.integers(0, 2**16))
        def order_at_the_end(self, seed: int) -> None:
            self.order = random.Random(seed)  # noqa: S311

        @rule(key=KEYS, content=st.integers(0, contents - 1))
        def put(self, key: str, content: int) -> None:
            self.world.bucket.put(key, content)

        @rule(key=KEYS)
        def remove(self, key: str) -> None:
            self.world.bucket.remove(key)

        @rule(key=KEYS)
        def remove_newest_version(self, key: str) -> None:
            self.world.bucket.remove_newest_version(key)

        @precondition(lambda self: self.world.is_waiting)
        @rule(picks=PICKS, fate=FATES, meanwhile=meanwhile)
        def deliver(self, picks: list[int], fate: Fate, meanwhile: list[Action]) -> None:
            self.world.deliver(picks, fate, lambda: self._act(meanwhile))

        @precondition(lambda self: self.world.bucket.sent)
        @rule(pick=st.integers(0, 50))
        def deliver_again(self, pick: int) -> None:
            self.world.deliver_again(pick)

        @rule(pick=FACE_PICKS, hidden=st.booleans())
        def hide(self, pick: int, hidden: bool) -> None:
            self.world.hide(pick, hidden=hidden)

        @rule()
        def backfill(self) -> None:
            self.world.bucket.backfill()

        @rule(meanwhile=meanwhile, ends_after=st.none() | st.integers(1, 2))
        def rebuild(self, meanwhile: list[Action], ends_after: int | None) -> None:
            self.world.rebuild(lambda: self._act(meanwhile), ends_after)

        def teardown(self) -> None:
            try:
                self.world.drain(self.order.shuffle)
                self.world.check()
                self.world.deliver_all_again(self.order.shuffle)
                self.world.check()
            finally:
                self.world.close()

        def _act(self, meanwhile: list[Action]) -> None:
            for action in meanwhile:
                action(self.world)

    return History
