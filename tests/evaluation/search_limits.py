"""Fit the limits of a search's verdicts on LFW, and count what searches show in green."""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from facesearch.recipes.writing import searches_text
from facesearch.search_calibration import SearchCalibration
from facesearch.verdicts import limits_for
from facesearch_local.cli.evaluate import default_cache, watch_progress
from facesearch_local.cli.options import read_settings
from facesearch_local.evaluation.embed_photos import embed_photos
from facesearch_local.evaluation.labelled import read_labelled
from facesearch_local.evaluation.ranking import Vectors
from facesearch_local.evaluation.search_limits import (
    FittedLimits,
    OpenSetSearches,
    fit_limits,
    nearest_stranger,
)
from facesearch_local.evaluation.statistics import wilson
from facesearch_local.evaluation.system import SHIPPED
from facesearch_local.evaluation.systems import SYSTEMS
from tests.benchmarks.synthetic_faces import SyntheticFaces
from tests.facenet import SAME_PERSON_DISTANCE, THRESHOLDS

SMALL = 500
SYNTHETIC = 1_000_000
SYNTHETIC_QUERIES = 2_000
GALLERIES = 20
"""Random galleries of `SMALL` faces."""


@click.command(epilog="Example: python -m tests.evaluation.search_limits LFW")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--synthetic", type=click.IntRange(min=0), default=SYNTHETIC, show_default=True)
def main(folder: Path, synthetic: int) -> None:
    """The limits of `facesearch.verdicts`, fitted to the people of FOLDER (LFW)."""
    settings = read_settings()
    labelled = read_labelled(folder)
    embedded = embed_photos(
        SYSTEMS[SHIPPED],
        labelled.photos,
        settings,
        cache_folder=default_cache(),
        workers=settings.threads,
        watch=lambda pool, total: watch_progress(SHIPPED, False, pool, total),
    )
    people, embeddings = labelled.people[embedded.detected], embedded.embeddings
    searches = OpenSetSearches(people, embeddings)
    fitted = fit_limits(searches)
    show_fit(fitted)
    show_green(people, embeddings, searches, fitted.calibration, synthetic)


def show_fit(fitted: FittedLimits) -> None:
    click.echo(f"{fitted.searches:,} searches, one for each person, among random faces of others\n")
    click.echo(
        "| faces | 1 % of searches show a stranger within | 95 % | the limit | held out: searches "
        "that show a stranger within it |\n|---|---|---|---|---|"
    )
    for size in fitted.sizes:
        low, high = size.interval
        click.echo(
            f"| {size.faces:,} | {size.distance:.3f} | {low:.3f} to {high:.3f} | {size.safe:.3f} "
            f"| {_share(size.held_out, size.held_out_interval)} |"
        )
    click.echo(f"\n{searches_text(fitted.calibration)}")


def show_green(
    people: NDArray[np.str_],
    embeddings: Vectors,
    searches: OpenSetSearches,
    calibration: SearchCalibration,
    synthetic: int,
) -> None:
    """What is shown in green to those who search for somebody who is not there."""
    strict = THRESHOLDS[-1].distance
    click.echo(
        f"| faces | confidence of one half ({SAME_PERSON_DISTANCE}) | {strict} | very likely "
        "| pairs of one person that are very likely |\n|---|---|---|---|---|"
    )
    random = np.random.default_rng(1)
    small = np.concatenate([searches.nearest(SMALL, random) for _ in range(GALLERIES)])
    _show_row(f"{SMALL}, of LFW", SMALL, small, searches.searches, calibration)
    # One search of each person who has one photo, among everybody else.
    names, photos = np.unique(people, return_counts=True)
    alone = np.isin(people, names[photos == 1])
    similar = embeddings[alone] @ embeddings.T
    similar[np.arange(len(similar)), np.flatnonzero(alone)] = -1
    nearest = np.sqrt(np.maximum(0, 2 - 2 * similar.max(axis=1)))
    faces = len(people) - 1
    _show_row(f"{faces:,}, of LFW", faces, nearest, len(nearest), calibration)
    if synthetic:
        _show_row(
            f"{synthetic:,}, synthetic",
            synthetic,
            _synthetic(synthetic),
            SYNTHETIC_QUERIES,
            calibration,
        )


def _synthetic(faces: int) -> NDArray[np.float64]:
    """Distances of made-up people to the nearest of so many other faces."""
    strangers = next(iter(SyntheticFaces(4 * SYNTHETIC_QUERIES, seed=1))).embeddings
    strangers = strangers[:SYNTHETIC_QUERIES]
    nearest = np.full(len(strangers), 2.0)
    for block in SyntheticFaces(faces, seed=2):
        nearest = np.minimum(nearest, nearest_stranger(strangers, block.embeddings))
    return nearest


def _show_row(
    name: str,
    faces: int,
    nearest: NDArray[np.float64],
    searches: int,
    calibration: SearchCalibration,
) -> None:
    limits = limits_for(calibration, faces)
    cells = []
    for limit in (SAME_PERSON_DISTANCE, THRESHOLDS[-1].distance, limits.very_likely):
        if limit is None:
            cells.append("nothing is")
            continue
        share = float((nearest <= limit).mean())
        cells.append(_share(share, wilson(round(share * searches), searches)))
    assert limits.interval is not None
    within = f"{limits.passing:.0%} within {limits.interval[0]:.3f}"
    if limits.basis == "extrapolated":
        within += ", extrapolated"
    if limits.very_likely is None:
        within = f"none: only {within}"
    click.echo(f"| {name} | {' | '.join(cells)} | {within} |")


def _share(share: float, interval: tuple[float, float]) -> str:
    return f"{share:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"


if __name__ == "__main__":
    main()
