"""Refuse settings that would lose something that is there, unless they are allowed by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdk.record import Record
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
    "deletion": (_more, "callers could delete photos"),
}
"""The settings that are guarded: what is less than before, and what it would mean."""

FIXED = {
    "bucket": "another bucket has none of the photos, and the stack would let go of its own",
    "customer_key": "a domain keeps the key that it was made with",
    "vpc": "a domain cannot go into a private network, or out of one",
    "domain_endpoint": "another domain has none of the faces, and the stack would drop its own",
}
"""What cannot be changed where a stack runs, and why."""


RECORDED = (*LOSSES, *FIXED, "compression", "burstable")
"""What else tells how the index that runs was made."""


def guarded(settings: object) -> Record:
    """The settings that are held against others."""
    return {name: getattr(settings, name) for name in RECORDED}


def refuse_downgrades(now: Record, before: Record, where: str, allowed: Sequence[str]) -> None:
    """Raise `SettingsError` if `now` loses what `before` has, which stands `where`.

    `allowed` names settings that may.
    """
    for name in allowed:
        if name not in LOSSES:
            raise SettingsError(f"allow names '{name}': use {', '.join(LOSSES)} (-c allow=…)")
    for name, (loses, meaning) in LOSSES.items():
        if name in before and name not in allowed and loses(now[name], before[name]):
            raise SettingsError(
                f"setting {name} is {_text(now[name])}, but {_text(before[name])} {where}: "
                f"{meaning}. Leave it, or add -c allow={name}"
            )


def refuse_impossible(now: Record, before: Record, where: str) -> None:
    """Raise `SettingsError` if `now` changes what cannot be changed, with the way out."""
    for name, reason in FIXED.items():
        if name in before and now[name] != before[name]:
            raise SettingsError(
                f"setting {name} is {_text(now[name])}, but {_text(before[name])} {where}: "
                f"{reason}. Leave it, or move the photos to a second stack (-c name=…): "
                "cdk/README.md, 'Move to another stack'"
            )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else f"'{value}'" if value == "" else str(value)
