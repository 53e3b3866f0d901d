"""The options of a search on the command line: one for each that `Scope` declares."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, TypeVar, get_args, get_origin

import click
import msgspec

from facesearch.fields import fields_of
from facesearch.searching import Scope
from facesearch_local.cli.command import CollectionName

_Command = TypeVar("_Command", bound=Callable[..., Any])
_RANGES: Mapping[type, Callable[..., click.ParamType[Any]]] = {
    int: click.IntRange,
    float: click.FloatRange,
}


class Confidence(click.ParamType[float]):
    """A probability, as it is shown (`95%`, `>99.9%`, `95`) or from 0 to 1 (`0.95`)."""

    name = "confidence"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value).strip()
        number = text.removeprefix(">").removesuffix("%").strip()
        try:
            typed = float(number)
        except ValueError:
            typed = -1.0
        # Between 1 and 2, nobody means per cent.
        per_cent = text.endswith("%") or typed >= 2
        share = typed / 100 if per_cent else typed
        if not 0 <= share <= 1:
            self.fail(f"'{text}' is no confidence: use 0.95, 95 or 95%.", param, ctx)
        return share


_TYPES: Mapping[str, click.ParamType[Any]] = {
    "collection": CollectionName(),
    "min_confidence": Confidence(),
}
"""Of options whose text may be more than their declaration says."""


def scope_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give the command an option for each field of `Scope`. It receives them as `scope`."""
    fields = fields_of(Scope)

    @wraps(command)
    def with_scope(**given: Any) -> int:
        # Raises `InvalidRequest`, naming the option.
        scope = Scope(**{name: given.pop(name) for name in fields})
        return command(scope=scope, **given)

    for field in reversed(msgspec.structs.fields(Scope)):
        with_scope = _option(field)(with_scope)
    return with_scope


def _option(field: msgspec.structs.FieldInfo) -> Callable[[_Command], _Command]:
    kind, meta = _declared(field.type)
    name = f"--{field.name.replace('_', '-')}"
    help_text = meta.description
    if get_origin(kind) is Mapping:
        return click.option(
            name,
            metavar="NAME=VALUE",
            multiple=True,
            callback=entries,
            help=f"{help_text} May be given several times.",
        )
    if kind is bool:
        return click.option(name, is_flag=True, help=help_text)
    return click.option(
        name,
        type=_TYPES.get(field.name)
        or (_RANGES[kind](meta.ge, meta.le) if kind in _RANGES else kind),
        default=field.default,
        show_default=True,
        help=help_text,
    )


def _declared(kind: Any) -> tuple[Any, msgspec.Meta]:
    """The type without its constraints, and the constraints. None is left out of the type."""
    if get_origin(kind) is not Annotated:
        kind = next(each for each in get_args(kind) if get_origin(each) is Annotated)
    bare, meta = get_args(kind)[:2]
    return bare, meta


def entries(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    """The entries of options NAME=VALUE. Raises `BadParameter`."""
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"'{each}' is not understood: use NAME=VALUE.")
        found[name] = value
    return found
