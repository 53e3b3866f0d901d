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
_TEXTS = {"collection": CollectionName()}


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
            callback=_entries,
            help=f"{help_text} May be given several times.",
        )
    if kind is bool:
        return click.option(name, is_flag=True, help=help_text)
    return click.option(
        name,
        type=_RANGES[kind](meta.ge, meta.le) if kind in _RANGES else _TEXTS.get(field.name, kind),
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


def _entries(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    entries = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"'{each}' is not understood: use NAME=VALUE.")
        entries[name] = value
    return entries
