"""Pictures that commands draw into files."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import click
from PIL import Image

from facesearch.files import check_regular, complete_file
from facesearch_local.cli.asking import can_ask
from facesearch_local.cli.output import print_note, saved
from facesearch_local.cli.query import Query


def check_drawable(
    file: Path, option: str, queries: Sequence[Query], *, overwrite: bool, as_json: bool
) -> None:
    """Before the work, which takes time: whether the picture that `option` names can be written.

    Nothing is replaced unless somebody says so, and a query photo never.
    """
    Image.init()
    if Image.registered_extensions().get(file.suffix.lower()) not in Image.SAVE:
        raise click.BadParameter(
            f"{file} has no known image extension: call it {file.stem}.png.", param_hint=option
        )
    with saved(file):
        check_regular(file)
        if not file.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    if any(query.is_file(file) for query in queries):
        raise click.BadParameter(
            f"{file} is the query photo, which would be lost: name another file.",
            param_hint=option,
        )
    if overwrite or not file.exists():
        return
    if can_ask(as_json=as_json) and click.confirm(f"{file} exists. Replace it?", err=True):
        return
    raise click.BadParameter(
        f"{file} exists: name another file, or add --overwrite.", param_hint=option
    )


def save_picture(picture: Image.Image, file: Path) -> None:
    """Write it, in the format of the file's extension, and tell where."""
    with saved(file), complete_file(file) as opened:
        picture.save(opened, Image.registered_extensions()[file.suffix.lower()])
    print_note(f"the picture is {file.absolute()}")
