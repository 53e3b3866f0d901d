"""What every command has in common: help, version, and errors in one line."""

import subprocess
import sys

import pytest

from facesearch import __version__
from tests.integration.cli.running import Cli

COMMANDS = (
    "index",
    "forget",
    "upgrade",
    "backup",
    "restore",
    "search",
    "compare",
    "export",
    "serve",
    "models",
)


def test_version_is_the_packages(cli: Cli) -> None:
    assert cli("--version").out == f"facesearch {__version__}\n"


def test_help_lists_every_command(cli: Cli) -> None:
    ran = cli("--help")
    assert ran.code == 0
    assert all(f"\n  {command} " in ran.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(cli: Cli, command: str) -> None:
    ran = cli(command, "--help")
    assert ran.code == 0
    assert "Examples:\n" in ran.out
    assert f"  facesearch {command} " in ran.out or f"  facesearch {command}\n" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'"),
        (["search"], "Missing argument 'IMAGE...'"),
        (["index"], "Missing argument 'PATH…'"),
        (["search", "--nope", "x.jpg"], "No such option"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(cli: Cli, arguments: list[str], said: str) -> None:
    ran = cli(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_wrong_setting_is_named_and_exits_2(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_EMBEDDER", "vgg")
    ran = cli("search", "x.jpg")
    assert ran.code == 2
    assert ran.err.startswith("error: FACESEARCH_EMBEDDER is 'vgg'")


def test_no_command_shows_the_help(cli: Cli) -> None:
    ran = cli()
    assert ran.code == 2
    assert ran.err.startswith("Usage: facesearch")


def test_importing_the_entry_point_loads_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import facesearch_local.cli, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout.split()
    heavy = {"numpy", "PIL", "onnxruntime", "rich", "apsw", "pyarrow", "boto3", "multiprocessing"}
    assert not heavy & set(loaded)


def test_file_name_with_terminal_escapes_is_printed_safely(cli: Cli) -> None:
    ran = cli("search", "\x1b[31mred\n.jpg")
    assert ran.code == 1
    assert "\x1b" not in ran.err
    assert ran.err.count("\n") == 1
