"""Commands that check the values of all their options in one place."""

import math
from collections.abc import Iterator, Mapping

import click

from facesearch.collections import check_collection_name
from facesearch.errors import InvalidCollection
from facesearch_local.cli.configured import apply_config


class Command(click.Command):
    """A command that refuses text that is not UTF-8, empty paths, and no numbers (nan, inf).

    The shell hands on any bytes. Paths may hold them, as names of files do.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        apply_config(ctx, self.params)
        self._check_paths(ctx, args)
        rest = super().parse_args(ctx, args)
        for param in self.params:
            if not isinstance(param.type, click.Path):
                for value in _values(ctx.params.get(param.name or "")):
                    _check_value(value, param, ctx)
        return rest

    def _check_paths(self, ctx: click.Context, args: list[str]) -> None:
        """Refuse empty paths, before they become that of the current folder."""
        given, _, _ = self.make_parser(ctx).parse_args(list(args))
        for param in self.params:
            if isinstance(param.type, click.Path) and "" in _values(given.get(param.name or "")):
                raise click.BadParameter("the path is empty: name one.", ctx, param)


class CommandGroup(click.Group):
    """A command of several."""

    command_class = Command


class CollectionName(click.ParamType[str]):
    """The name of a collection, by the rule of every place that takes one."""

    name = "text"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not is_text(name := str(value)):
            return name  # the command says so
        try:
            return check_collection_name(name)
        except InvalidCollection as error:
            self.fail(f"{error}.", param, ctx)


def is_text(text: str) -> bool:
    """Whether the text can be stored and sent: whether it was UTF-8 on the command line."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _values(value: object) -> Iterator[str | float]:
    if isinstance(value, str | float):
        yield value
    elif isinstance(value, Mapping):
        yield from _values([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _values(each)


def _check_value(value: str | float, param: click.Parameter, ctx: click.Context) -> None:
    if isinstance(value, str):
        if not is_text(value):
            shown = value.encode(errors="surrogateescape").decode(errors="replace")
            raise click.BadParameter(f"'{shown}' is not UTF-8: type it anew.", ctx, param)
    elif not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number: use one, such as 0.9.", ctx, param)
