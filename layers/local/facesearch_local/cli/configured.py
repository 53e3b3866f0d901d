"""Defaults for options, from one file in the user's configuration folder."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from facesearch.errors import SettingsError

STORE = "store"
"""The one key outside a command's table: it holds for every command that has the option."""


def config_file() -> Path:
    """Where the file is, if there is one."""
    from platformdirs import user_config_path  # noqa: PLC0415 (commands start quickly)

    return user_config_path("facesearch", appauthor=False) / "config.toml"


def read_config(commands: list[str]) -> dict[str, Any]:
    """What the file says: a table of options for each command; empty without a file.

    Raises `SettingsError`, naming the file, if it cannot be understood.
    """
    file = config_file()
    try:
        config = tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{file} cannot be read ({reason}): mend it or remove it") from error
    for name, value in config.items():
        if name == STORE and isinstance(value, str):
            continue
        if name not in commands or not isinstance(value, dict):
            raise SettingsError(
                f"{file} has '{name}': use store = \"FILE\", or a table for a command, such as "
                "[search]"
            )
    return config


def apply_config(ctx: click.Context, params: list[click.Parameter]) -> None:
    """Make the file's values the defaults of a command's options, by their names there.

    Raises `SettingsError` for a name that the command does not have.
    """
    table: Mapping[str, Any] = ctx.default_map or {}
    everywhere = ctx.find_root().default_map or {}
    options = {
        name.removeprefix("--"): param
        for param in params
        if isinstance(param, click.Option)
        for name in param.opts
        if name.startswith("--")
    }
    values = dict(table)
    if STORE in options and STORE in everywhere:
        values = {STORE: everywhere[STORE], **values}
    defaults = {}
    for name, value in values.items():
        if name not in options:
            known = ", ".join(sorted(options)) or "none"
            raise SettingsError(
                f"{config_file()} has '{name}' for '{ctx.info_name}': use one of its options "
                f"({known})"
            )
        # An environment's variable counts for more than a file.
        if not (name == STORE and os.environ.get("FACESEARCH_STORE")):
            defaults[options[name].name or ""] = value
    ctx.default_map = defaults
