"""The output of commands: results on stdout, errors and notes as single lines on stderr."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


def print_error(message: str) -> None:
    click.echo(f"error: {printable(message)}", err=True)


def print_note(message: str) -> None:
    click.echo(f"note: {printable(message)}", err=True)


def print_json(value: Json | Mapping[str, object]) -> None:
    click.echo(json.dumps(value, ensure_ascii=True))


@contextmanager
def saved(file: Path) -> Iterator[None]:
    """Translate errors of writing `file` into one that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(
            f"{file} cannot be written ({reason}): choose another place"
        ) from error


def printable(text: str) -> str:
    """The text as one line without control characters. File names may hold any."""
    line = re.sub(r"\s+", " ", text).strip()
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line
    )
