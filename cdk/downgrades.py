"""Refuse settings that would lose something that is there, unless they are allowed by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from facesearch.errors import SettingsError


def _less(now: Any, before: Any) -> bool:
    """Fewer of it, or no more of it at all: False is less than True."""
    return bool(now < before)


def _more(now: Any, before: Any) -> bool:
    return bool(now > before)


def _opens(now: Any, before: Any) -> bool:
    """Whoever has a key may call, where callers had to be known."""
    return bool(now == "api-key" != before)


_A_SMALLER_DOMAIN = "a smaller domain holds less, or survives less"
LOSSES: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    **dict.fromkeys(
        ("faces", "searches", "photos", "zones", "replicas", "managers"),
        (_less, _A_SMALLER_DOMAIN),
    ),
    "vpc": (_less, "the index would be outside of its private network"),
    "retain": (_less, "deleting the stack would delete photos and faces"),
    "authorisation": (_opens, "a key is no identity: whoever has it may search"),
    "uploads": (_more, "callers could add photos"),
}
"""The settings that are guarded: what is less than before, and what it would mean."""


def refuse_downgrades(now: object, before: object, where: str, allowed: Sequence[str]) -> None:
    """Raise `SettingsError` if `now` loses what `before` has, which stands in `where`.

    `allowed` names settings that may.
    """
    for name in allowed:
        if name not in LOSSES:
            raise SettingsError(f"allow names '{name}': use {', '.join(LOSSES)} (-c allow=…)")
    for name, (loses, meaning) in LOSSES.items():
        value, was = getattr(now, name), getattr(before, name)
        if loses(value, was) and name not in allowed:
            raise SettingsError(
                f"setting {name} is {_text(value)}, but {_text(was)} in {where}: {meaning}. "
                f"Leave it, or add -c allow={name}"
            )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)
