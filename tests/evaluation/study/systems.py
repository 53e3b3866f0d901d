"""All systems that the study compares: those of `facesearch evaluate`, variants and peers."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.evaluation.system import System, SystemEntry
from facesearch_local.evaluation.systems import SYSTEMS, RecipeSystem
from tests.evaluation.study.peers import PeerSystem
from tests.evaluation.study.variants import VARIANTS, Variant

PEER = "peer:"
"""What the names of other people's systems start with."""

PEERS = ("facenet-pytorch", "dlib", "deepface")


def study_systems(peer_python: Path | None = None) -> Mapping[str, SystemEntry]:
    """By name; `peer_python` is the Python that has the peers' packages, None is this one."""
    variants = {
        name: SystemEntry(partial(_open_variant, name, each), each.rank)
        for name, each in VARIANTS.items()
    }
    peers = {PEER + name: SystemEntry(partial(_open_peer, name, peer_python)) for name in PEERS}
    return {**SYSTEMS, **variants, **peers}


def _open_variant(name: str, variant: Variant, settings: Settings) -> System:
    recipe, detection = variant.recipe, variant.detection
    pipeline = FacePipeline(settings.models, recipe, settings.threads, detection)
    return RecipeSystem(name, pipeline)


def _open_peer(name: str, python: Path | None, _: Settings) -> System:
    return PeerSystem(name, python)
