"""The `facesearch` command: it calls the package, and turns errors into messages."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import ClassVar, TextIO

import click
from click.shell_completion import CompletionItem

from facesearch import __version__
from facesearch.errors import FacesearchError, InvalidRequest, RecipeMismatch, SettingsError
from facesearch_local.cli.configured import read_config
from facesearch_local.cli.output import print_error

_USAGE_ERRORS = (click.UsageError, InvalidRequest, SettingsError)

DONE, NOTHING_DONE, USAGE, PARTLY_DONE, INTERRUPTED = 0, 1, 2, 3, 130


_MODULES = {"list": "listing"}
"""Modules that are not called as their commands: their names are taken here."""


class _Commands(click.Group):
    """Imports a command's module when it is called, so that commands start quickly."""

    _summaries: ClassVar[dict[str, str]] = {
        "index": "Find the faces in photos and make them searchable.",
        "watch": "Index folders, and again whenever they change.",
        "search": "The stored faces nearest to the one in a photo.",
        "detect": "The faces of a photo: boxes, landmarks, scores.",
        "compare": "Whether two photos show the same person.",
        "list": "The photos in the store.",
        "export": "Every stored face as Parquet, CSV or NPZ.",
        "status": "What the store holds, and how it is.",
        "hide": "Hide a face from all searches, or show it again.",
        "forget": "Let stored photos go, with their faces.",
        "erase": "Delete photos from their bucket and the store, with a receipt.",
        "upgrade": "Look at all photos again, with the models in use now.",
        "backup": "Copy the store, while it is in use.",
        "restore": "Put a copy of the store back.",
        "snapshot": "Save an OpenSearch store in a bucket, and put it back.",
        "reindex": "Move the store to other models or index settings, in use.",
        "reembed": "Have AWS embed all photos again, from outside its network.",
        "serve": "The search API and its page, on this machine.",
        "backfill": "Have the photos indexed that a bucket holds already.",
        "reconcile": "Where a bucket or folder and the store differ, and its repair.",
        "dlq": "Messages that failed too often: list them, send them again.",
        "evaluate": "How well systems tell the people of a labelled folder apart.",
        "plan": "What a system of some size needs on AWS, and costs a month.",
        "models": "Build the model files, or tell what they are.",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self._summaries)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in self._summaries:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = import_module(f"facesearch_local.cli.{module}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.default_map = read_config(self.list_commands(ctx))
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As in every group, but without importing each command for its summary."""
        commands = [
            CompletionItem(name, help=summary)
            for name, summary in self._summaries.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  facesearch index ~/Pictures
  facesearch search portrait.jpg
  facesearch COMMAND --help

"""
    "Exit codes: 0 done, 1 nothing could be done, 2 usage, 3 done with some inputs "
    "failed, 130 interrupted.",
)
@click.version_option(__version__, message="facesearch %(version)s")
def _facesearch() -> None:
    """Find the faces in photos, and search them by face."""


class _OutputFailed(Exception):
    """`stream`, stdout or stderr, could not be written to."""

    def __init__(self, reason: str, stream: TextIO) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stream = stream


class _Output(TextIOWrapper):
    """Stdout or stderr, whose failures are told from those of files."""

    def write(self, text: str, /) -> int:
        with self._watched():
            return super().write(text)

    def flush(self) -> None:
        with self._watched():
            super().flush()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _OutputFailed(error.strerror or str(error), self) from error


def main() -> None:
    """The script's entry point."""
    _open_closed_streams()
    sys.stdout, sys.stderr = _output(sys.stdout), _output(sys.stderr)
    sys.exit(run(sys.argv[1:]))


def _open_closed_streams() -> None:
    """Give the streams that the caller closed (`>&-`) to nobody, rather than to the next file."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode)  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _output(stream: TextIO) -> TextIO:
    if not isinstance(stream, TextIOWrapper):
        return stream
    return _Output(
        stream.buffer,
        stream.encoding,
        # Names may hold letters that a terminal or a redirected output has not.
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def run(
    arguments: Sequence[str],
    command: click.Command = _facesearch,
    name: str = "facesearch",
) -> int:
    """Run a command line and return its exit code."""
    try:
        code = _run(arguments, command, name)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has enough of it: there is nobody left to complain to.
        _silence(sys.stdout)
        return NOTHING_DONE
    except _OutputFailed as error:
        _silence(error.stream)
        print_error(
            f"the output cannot be written ({error.reason}): make room, or send it elsewhere"
        )
        return NOTHING_DONE
    return code


def _silence(stream: TextIO) -> None:
    """What the stream holds would fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(arguments: Sequence[str], command: click.Command, name: str) -> int:
    try:
        code = command.main(list(arguments), prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except (click.ClickException, FacesearchError) as error:
        print_error(_message(error))
        return USAGE if isinstance(error, _USAGE_ERRORS) else NOTHING_DONE
    except (click.Abort, KeyboardInterrupt):
        print_error("interrupted")
        return INTERRUPTED
    return int(code or DONE)


def _where_it_is(error: RecipeMismatch) -> str:
    """Where the stored recipe is, if it was added here: stores know those of the program only."""
    # Most commands end well, and need none of it.
    from facesearch.choosing import recipe_here  # noqa: PLC0415
    from facesearch.recipes.finding import BUILT_IN  # noqa: PLC0415
    from facesearch.settings import models_folder  # noqa: PLC0415

    here = recipe_here(error.fingerprint, models_folder(os.environ))
    if here is None or here.name in BUILT_IN:
        return ""
    return f". It is {here.name} here: --recipe {here.name}"


def _message(error: click.ClickException | FacesearchError) -> str:
    if isinstance(error, click.UsageError):
        help_for = error.ctx.command_path if error.ctx else "facesearch"
        return f"{error.format_message()} See '{help_for} --help'."
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, RecipeMismatch):
        return f"{error}{_where_it_is(error)}"
    return str(error)
