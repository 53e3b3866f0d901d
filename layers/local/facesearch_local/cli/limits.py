"""The options of `facesearch index` that say what a face must reach to be indexed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import click

from facesearch.settings import Settings
from facesearch.vision.limits import MAX_FACES

Limits = Mapping[str, Any]
"""The fields of `IndexLimits` that the command line names."""

_OPTIONS = {
    "min_face_size": (
        click.FloatRange(0),
        "Index faces only whose box's shorter side has this many pixels",
    ),
    "min_sharpness": (
        click.FloatRange(0),
        "Index faces only that are this sharp, as POST /v1/detect tells",
    ),
    "min_detection_score": (
        click.FloatRange(0, 1),
        "Index faces only that the detector is as sure of",
    ),
    "max_faces": (
        click.IntRange(1, MAX_FACES),
        "Index no more than the largest faces of a photo",
    ),
}


def limit_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give the command an option for each limit; it gets those that are named as `limits`."""

    @wraps(command)
    def with_limits(**given: Any) -> int:
        limits = {name: given.pop(name) for name in _OPTIONS}
        named = {name: value for name, value in limits.items() if value is not None}
        return command(limits=named, **given)

    for name, (kind, help_text) in reversed(_OPTIONS.items()):
        option = click.option(
            f"--{name.replace('_', '-')}",
            type=kind,
            help=f"{help_text} (FACESEARCH_{name.upper()}).",
        )
        with_limits = option(with_limits)
    return with_limits


def with_limits(settings: Settings, limits: Limits) -> Settings:
    """The settings, with the limits that the command line names."""
    return replace(settings, limits=replace(settings.limits, **limits))
