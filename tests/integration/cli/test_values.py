"""What every command refuses alike: text that is not UTF-8, numbers that are none, bad names."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from facesearch_local.cli import _facesearch
from tests.integration.cli.running import Cli, Start

NOT_UTF8 = "caf\udce9"


def commands(
    command: click.Command = _facesearch, names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group, by the names that lead to it."""
    yield names, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*names, name))


ALL = [*commands()]
LEAVES = [(names, command) for names, command in ALL if not isinstance(command, click.Group)]


def line(
    names: tuple[str, ...], command: click.Command, tried: click.Parameter, value: str
) -> list[str]:
    """The command with `value` for one parameter, and something for those that it needs."""
    arguments = [*names]
    for param in command.params:
        if param is not tried and not param.required:
            continue
        given = __file__ if is_path(param) else "1"
        text = value if param is tried else given
        arguments += [param.opts[0], text] if isinstance(param, click.Option) else [text]
    return arguments


def is_path(param: click.Parameter) -> bool:
    return isinstance(param.type, click.Path)


def tried(param: click.Parameter) -> bool:
    return param.nargs == 1 and not is_path(param) and not getattr(param, "is_flag", False)


def is_number(param: click.Parameter) -> bool:
    return isinstance(param.type, click.FloatRange | click.types.FloatParamType)


TEXTS, NUMBERS = (
    {
        " ".join((*names, param.opts[0])): (names, command, param)
        for names, command in LEAVES
        for param in command.params
        if chosen(param)
    }
    for chosen in (tried, is_number)
)


def refused(cli: Cli, arguments: list[str]) -> str:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    return ran.err


@pytest.mark.parametrize(("names", "command", "param"), TEXTS.values(), ids=TEXTS)
def test_text_that_is_not_utf8_is_a_usage_error(
    cli: Cli, names: tuple[str, ...], command: click.Command, param: click.Parameter
) -> None:
    value = f"{NOT_UTF8}=1" if param.name == "metadata" else NOT_UTF8
    assert "caf" in refused(cli, line(names, command, param, value))


def test_there_are_texts_and_numbers_to_try() -> None:
    assert {"index --collection", "search --metadata", "dlq redrive --to", "status --store"} <= (
        TEXTS.keys()
    )
    assert {"index --min-sharpness", "search --max-distance"} <= NUMBERS.keys()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "NaN"])
@pytest.mark.parametrize(("names", "command", "param"), NUMBERS.values(), ids=NUMBERS)
def test_number_that_is_none_is_a_usage_error(
    cli: Cli, names: tuple[str, ...], command: click.Command, param: click.Parameter, value: str
) -> None:
    assert param.opts[0] in refused(cli, line(names, command, param, value))


@pytest.mark.parametrize("arguments", [["plan", "--faces", "nan", "--searches", "1"]])
def test_counts_of_a_plan_are_numbers(cli: Cli, arguments: list[str]) -> None:
    assert "is not a number" in refused(cli, arguments)


@pytest.mark.parametrize("name", ["two\nlines", " party", "party ", "a" * 256, "", "\x1b[1m"])
@pytest.mark.parametrize("command", ["index", "search", "forget"])
def test_collection_that_no_place_takes_is_a_usage_error(
    cli: Cli, people: Path, command: str, name: str, tmp_path: Path
) -> None:
    refused(cli, [command, "--collection", name, str(people)])
    assert not (tmp_path / "faces.db").exists()


def test_forget_by_an_address_that_is_not_utf8_is_a_usage_error(cli: Cli) -> None:
    refused(cli, ["forget", f"s3://photos/{NOT_UTF8}"])


def test_photo_whose_name_is_not_utf8_is_indexed_searched_and_forgotten(
    cli: Cli, people: Path
) -> None:
    photo = (people / "elton.jpg").rename(people / f"{NOT_UTF8}.jpg")
    assert cli("index", photo).code == 0
    assert cli("search", photo, "--json").json["results"][0]["matches"]
    assert cli("compare", photo, photo).code == 0
    assert cli("forget", photo, "--json").json["forgotten"] == 1


@pytest.mark.parametrize(
    ("names", "command"), [pytest.param(*each, id=" ".join(each[0])) for each in ALL]
)
def test_help_of_every_command_has_an_example(
    cli: Cli, names: tuple[str, ...], command: click.Command
) -> None:
    shown = cli(*names, "--help").out
    examples = shown.partition("Examples:\n")[2]
    assert f"  facesearch {' '.join(names)}".rstrip() in examples.replace("facesearch.", "")


def test_help_of_forget_tells_above_which_number_it_asks(cli: Cli) -> None:
    assert "before more than 10 photos" in " ".join(cli("forget", "--help").out.split())


PATHS = {
    " ".join((*names, param.opts[0])): (names, command, param)
    for names, command in LEAVES
    for param in command.params
    if is_path(param)
}


@pytest.mark.parametrize(("names", "command", "param"), PATHS.values(), ids=PATHS)
def test_empty_path_is_a_usage_error(
    cli: Cli, names: tuple[str, ...], command: click.Command, param: click.Parameter
) -> None:
    assert "the path is empty: name one" in refused(cli, line(names, command, param, ""))


def test_empty_path_among_others_is_a_usage_error(cli: Cli, people: Path) -> None:
    assert cli("index", people).code == 0
    for command in ("index", "forget", "search"):
        refused(cli, [command, str(people / "elton.jpg"), ""])
    for arguments in (["reconcile", ""], ["reconcile", "--repair", ""]):
        assert "the path is empty" in refused(cli, arguments)
    assert cli("status", "--json").json["photos"] == 3


@pytest.mark.parametrize("closed", [0, 1, 2], ids=["stdin", "stdout", "stderr"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["status"],
        ["export", "{place}/faces.csv"],
        ["search", "elton.jpg"],
        ["search", "--json", "elton.jpg"],
        ["compare", "elton.jpg", "elton.jpg"],
        ["index", "--force", "--workers", "2", "."],
        ["forget", "--dry-run", "."],
        ["backup", "{place}/copy.db"],
        ["models", "info"],
        ["models", "build"],
        ["plan", "--faces", "1M", "--searches", "1"],
    ],
    ids=" ".join,
)
def test_stream_that_is_closed_changes_nothing(
    cli: Cli, start: Start, people: Path, tmp_path: Path, arguments: list[str], closed: int
) -> None:
    cli("index", people)
    process = start(
        *(each.format(place=tmp_path) for each in arguments),
        cwd=people,
        preexec_fn=lambda: os.close(closed),
    )
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert (out == "") == (closed == 1)


@pytest.mark.parametrize("closed", [0, 1, 2], ids=["stdin", "stdout", "stderr"])
@pytest.mark.parametrize("command", ["restore", "search", "status"])
def test_stream_that_is_closed_does_not_hide_a_failure(
    cli: Cli, start: Start, tmp_path: Path, people: Path, command: str, closed: int
) -> None:
    cli("index", people)
    cli("backup", tmp_path / "copy.db")
    lines: dict[str, list[str | Path]] = {
        "restore": ["restore", tmp_path / "copy.db"],  # would ask
        "search": ["search", "missing.jpg"],
        "status": ["status", "--store", f"sqlite:///{tmp_path}/missing.db"],
    }
    process = start(*lines[command], preexec_fn=lambda: os.close(closed))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.count("\n") == (closed != 2)


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["status"],
        ["status", "--json"],
        ["export", "faces.csv", "--quiet"],
        ["search", "elton.jpg"],
        ["search", "--json", "elton.jpg"],
        ["compare", "elton.jpg", "elton.jpg"],
        ["index", "--quiet", "."],
        ["forget", "--dry-run", "."],
        ["backup", "copy.db"],
        ["plan", "--faces", "1M", "--searches", "1"],
        ["models", "info"],
        ["serve", "--port", "0"],
        ["dlq", "list", "--help"],
    ],
    ids=" ".join,
)
def test_output_to_a_full_disk_is_one_sentence(
    cli: Cli, start: Start, people: Path, arguments: list[str]
) -> None:
    if "--help" not in arguments:
        cli("index", people)
    with FULL.open("w") as full:
        process = start(*arguments, stdout=full, cwd=people)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == (
        "error: the output cannot be written (No space left on device): make room, or send it "
        "elsewhere\n"
    )


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_errors_to_a_full_disk_end_without_a_traceback(start: Start) -> None:
    with FULL.open("w") as full:
        process = start("search", "nothing.jpg", stderr=full)
        process.communicate(timeout=60)
    assert process.returncode == 1


def test_pipe_that_is_closed_early_stays_quiet(start: Start) -> None:
    process = start("--help", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.wait(timeout=60)
