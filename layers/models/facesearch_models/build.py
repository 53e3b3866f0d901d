"""Builds the folder of models and sample photos, once."""

import json
from pathlib import Path

from facesearch.files import make_private_folder
from facesearch.vision.verified import find_unexpected
from facesearch_models.errors import BuildError
from facesearch_models.manifest import INDEX, build_key, load_manifest
from facesearch_models.mirror import Mirror
from facesearch_models.report import Report
from facesearch_models.sole_build import sole_build


def build_models(
    target: Path, *, report: Report, offline: bool = False, mirror: Mirror | None = None
) -> None:
    """Fill `target` with the models, the sample photos, and `models.json`, which names them all.

    Returns at once when that has been done. A build that was killed goes on where it stopped; a
    second build at the same time waits for the first. With `offline`, nothing is downloaded. A
    `mirror` holds the archives that the package index has, or what another build has made: then
    it is copied. Raises `BuildError`.
    """
    key = build_key()
    if is_built(target, key):
        return
    try:
        make_private_folder(target)
        with sole_build(target, report):
            if not is_built(target, key):
                # What a build needs takes a second to import; most calls find that all is there.
                from facesearch_models.steps import Build  # noqa: PLC0415

                build = Build(target, load_manifest(), report, offline=offline, mirror=mirror)
                build.run(key)
    except OSError as error:
        raise BuildError(
            f"the models cannot be written to {target}: {error.strerror or error}. "
            "Make room (300 MB) or name another folder in FACESEARCH_MODELS"
        ) from error


def is_built(target: Path, key: str) -> bool:
    """Whether `target` holds every file of the build with this key, unchanged."""
    try:
        index = json.loads((target / INDEX).read_text("utf-8"))
        if index["key"] != key:
            return False
        # The list lies beside the files: whoever swaps one may have changed it, too.
        pinned = {name: output.sha256 for name, output in load_manifest().outputs.items()}
        expected = {name: entry["sha256"] for name, entry in index["files"].items()} | pinned
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return False
    return not find_unexpected(target, expected)
