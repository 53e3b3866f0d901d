"""Other recipes from the same network: what each choice of the shipped one gains, and costs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from facesearch.recipes.description import AlignedCut, BoxCut, Cut
from facesearch.recipes.finding import ChosenRecipe, built_in
from facesearch.vision.detection import DEFAULT_SETTINGS, DetectionSettings
from facesearch_local.evaluation.ranking import Rank, nearest
from facesearch_local.evaluation.system import SHIPPED
from tests.evaluation.study.reranking import expanded, k_reciprocal

VIEWS = built_in("facenet-two-views").description.cuts
SHIPPED_VIEW = VIEWS[0]


@dataclass(frozen=True, slots=True)
class Variant:
    """What differs from the shipped recipe: cuts of a face, network, ranking, faces looked for."""

    views: tuple[Cut, ...] = (SHIPPED_VIEW,)
    network: str = SHIPPED
    rank: Rank = nearest
    detection: DetectionSettings = DEFAULT_SETTINGS

    @property
    def recipe(self) -> ChosenRecipe:
        shipped = built_in(self.network).description
        return ChosenRecipe(msgspec.structs.replace(shipped, cuts=self.views))


def _aligned(across: float, down: float, *, mirrored: bool = False) -> AlignedCut:
    return AlignedCut(template="average-face", margin=(across, down), mirrored=mirrored)


def _box(across: float, down: float) -> Variant:
    return Variant((BoxCut(margin=(across, down)),))


def _min_face(share: float) -> Variant:
    """`share`: the smallest face of the first look, of the photo's longer side."""
    look = replace(DEFAULT_SETTINGS.fast, min_face_share=share)
    return Variant(detection=replace(DEFAULT_SETTINGS, fast=look))


VARIANTS: Mapping[str, Variant] = {
    # The detector's box with margins.
    "facenet+box-0": _box(0.0, 0.0),
    "facenet+box-10": _box(0.1, 0.1),
    "facenet+box-20": _box(0.2, 0.2),
    "facenet+box-30": _box(0.3, 0.3),
    "facenet+box-20x10": _box(0.2, 0.1),
    "facenet+box-30x10": _box(0.3, 0.1),
    # Aligned to the landmarks; 30 % across and 10 % down is what is shipped.
    "facenet+aligned-20x20": Variant((_aligned(0.2, 0.2),)),
    "facenet+aligned-20x10": Variant((_aligned(0.2, 0.1),)),
    "facenet+aligned-20x0": Variant((_aligned(0.2, 0.0),)),
    "facenet+aligned-40x10": Variant((_aligned(0.4, 0.1),)),
    # Faces from this share (%) of the photo's longer side on; 16 % is what is shipped.
    "facenet+min-face-8": _min_face(0.08),
    "facenet+min-face-24": _min_face(0.24),
    # Several cuts of a face, averaged; two-views is FACESEARCH_VIEWS=2.
    "facenet+mirrored": Variant((SHIPPED_VIEW, _aligned(0.3, 0.1, mirrored=True))),
    "facenet+two-views": Variant(VIEWS),
    "facenet+four-views": Variant(
        (*VIEWS, _aligned(0.3, 0.1, mirrored=True), BoxCut(margin=(0.2, 0.1)))
    ),
    "facenet+fp32": Variant(network="facenet-fp32"),
    # What the nearest have in common; both ask the store once more or compare its answers.
    "facenet+expanded": Variant(rank=expanded),
    "facenet+two-views+expanded": Variant(VIEWS, rank=expanded),
    "facenet+k-reciprocal": Variant(rank=k_reciprocal),
}


def costs_as_shipped(system: str) -> bool:
    """Whether it is the shipped recipe, or could be: one cut of a face, its network, no more."""
    variant = VARIANTS.get(system, Variant() if system == SHIPPED else None)
    if variant is None:
        return False
    return (len(variant.views), variant.network, variant.rank) == (1, SHIPPED, nearest)
