"""`facesearch export`: write the stored faces to a file for notebooks and other programs."""

from pathlib import Path

import click

from facesearch.faces import EMBEDDING_SIZE
from facesearch.stores import open_store
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_json, saved
from facesearch_local.cli.progress import show_progress
from facesearch_local.counting import counted
from facesearch_local.exporting import export_faces, writer_for


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch export faces.parquet
  facesearch export --store /var/lib/faces.db faces.csv
  python -c "import numpy; print(numpy.load('faces.npz')['embedding'].shape)\"""",
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@store_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(file: Path, store_url: str | None, as_json: bool, quiet: bool) -> None:
    """Write every stored face to FILE: Parquet, CSV or NPZ by its extension.

    A row for each face: photo_id, path, face_id, index, collection, box, landmarks,
    detection_score, the photo's size, whether it is hidden, and the numbers of its embedding.
    """
    settings = read_settings(store_url)
    writer_for(file)
    with open_store(settings.store_url, recipe=None) as store:
        total = store.counts().faces
        stored = store.stored_recipe()
        dimension = stored.dimension if stored else EMBEDDING_SIZE
        with (
            show_progress("Exporting", "faces", total, quiet=quiet or as_json) as advance,
            saved(file),
        ):
            written = export_faces(store.faces(), dimension, file, advance)
    if as_json:
        print_json({"faces": written, "file": str(file)})
    else:
        click.echo(f"{counted(written, 'face')} written to {file}")
