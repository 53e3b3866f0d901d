"""The file of defaults, and completion in shells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.running import Cli


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, which is not there yet."""
    file = tmp_path / "config" / "facesearch" / "config.toml"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr("facesearch_local.cli.configured.config_file", lambda: file)
    return file


@pytest.fixture
def elton(sample: Path) -> Path:
    return sample / "val/elton_john/elton_john_01.jpg"


def test_options_of_the_file_are_defaults(
    cli: Cli, config: Path, train_store: str, elton: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACESEARCH_STORE")
    config.write_text(
        f'store = "{train_store}"\n[search]\nk = 3\nmin-confidence = "50%"\n[index]\nquiet = true\n'
    )

    def matches(*options: str) -> int:
        ran = cli("search", elton, "--json", *options)
        assert ran.code == 0, ran.err
        return len(ran.json["results"][0]["matches"])

    assert matches() == 3
    assert matches("--k", "2") == 2
    assert cli("status", "--json").json["photos"] == 93


def test_variable_counts_for_more_than_the_file(
    cli: Cli, config: Path, train_store: str, people: Path
) -> None:
    config.write_text(f'store = "{train_store}"\n')
    cli("index", people)  # into FACESEARCH_STORE
    assert cli("status", "--json").json["photos"] == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("k = 3\n", "has 'k': use store = \"FILE\", or a table for a command, such as [search]"),
        ("[serach]\nk = 3\n", "has 'serach'"),
        ("[search]\nkay = 3\n", "has 'kay' for 'search': use one of its options ("),
        ("[search\n", "cannot be read"),
        ("store = 3\n", "has 'store'"),
    ],
)
def test_what_the_file_should_not_have_is_named_with_it(
    cli: Cli, config: Path, elton: Path, text: str, told: str
) -> None:
    config.write_text(text)
    ran = cli("search", elton)
    assert ran.code == 2
    assert str(config) in ran.err
    assert told in ran.err


def test_value_of_the_wrong_kind_is_a_usage_error(cli: Cli, config: Path, elton: Path) -> None:
    config.write_text('[search]\nk = "many"\n')
    ran = cli("search", elton)
    assert ran.code == 2
    assert "'--k'" in ran.err


def test_file_is_in_the_user_s_configuration_folder(tmp_path: Path) -> None:
    ask = "from facesearch_local.cli.configured import config_file; print(config_file())"
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "XDG_CONFIG_HOME": "/x"},
        capture_output=True,
        text=True,
        check=True,
    )
    if sys.platform == "linux":
        assert told.stdout == "/x/facesearch/config.toml\n"


def completed(*words: str) -> list[str]:
    """What a shell offers for the last word."""
    ended = subprocess.run(
        [sys.executable, "-m", "facesearch_local.cli"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "_FACESEARCH_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("facesearch", *words)),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def test_commands_options_and_files_are_completed() -> None:
    assert completed("se") == ["plain,search", "plain,serve"]
    assert completed("search", "--min-c") == ["plain,--min-confidence"]
    assert completed("models", "b") == ["plain,build"]
    assert completed("index", "x") == ["file,x"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_for_a_shell_is_printed(shell: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "facesearch_local.cli"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "_FACESEARCH_COMPLETE": f"{shell}_source",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_FACESEARCH_COMPLETE" in ended.stdout, ended.stderr
