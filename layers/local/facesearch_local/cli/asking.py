"""Ask whoever is at the terminal, where somebody is."""

import sys

import click


def can_ask(*, as_json: bool) -> bool:
    """Whether somebody is there who can answer a question."""
    return not as_json and sys.stdin.isatty() and sys.stderr.isatty()


def ask_to_forget(gone: int, stored: int) -> bool:
    """Ask whether to forget photos that are gone: so many of those that are stored."""
    return click.confirm(f"{gone:,} of {stored:,} photos are gone. Forget them?", err=True)
