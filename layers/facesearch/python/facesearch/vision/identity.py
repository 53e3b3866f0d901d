"""What a store keeps of a recipe: three texts that name all that changes its numbers.

The number after each slash counts changes of the code that change what it computes. FaceNet's
texts are those that stores have had since the first version.
"""

from collections.abc import Mapping
from functools import cache

from facesearch.faces import Recipe
from facesearch.recipes.description import (
    AlignedCut,
    BoxCut,
    Cut,
    Network,
    RecipeDescription,
    ScaledPixels,
)
from facesearch.recipes.finding import BUILT_IN, built_in
from facesearch.vision.centerface import centerface_recipe
from facesearch.vision.detection import DEFAULT_SETTINGS, DetectionSettings, detector_recipe
from facesearch.vision.models import SHA256

WHOLE_IMAGE = "none, the whole image/1"
_BUILT = {sha256: name for name, sha256 in SHA256.items()}


def recipe_of(
    description: RecipeDescription, detection: DetectionSettings = DEFAULT_SETTINGS
) -> Recipe:
    """The recipe as stores and answers name it."""
    network, whole = description.network, description.regions == "whole-image"
    cuts = " + ".join(map(_cut_text, description.cuts))
    return Recipe(
        detector=_detector_text(description, detection),
        crop=f"{cuts}, {_size_text(network)} bilinear {_pixels_text(network)}/1",
        embedder=_network_text(network),
        dimension=network.dimension,
        unit_length=network.unit_length,
        whole_image=whole,
        name=description.name,
        calibration=description.calibration,
    )


def recipe_name(recipe: Recipe) -> str:
    """The recipe's name; that of one that comes with the program follows from its texts.

    Empty: it is unknown here.
    """
    return recipe.name or _names_built_in().get(recipe.fingerprint, "")


@cache
def _names_built_in() -> Mapping[str, str]:
    descriptions = [built_in(name).description for name in BUILT_IN]
    return {recipe_of(each).fingerprint: each.name for each in descriptions if each.network.sha256}


def _detector_text(description: RecipeDescription, detection: DetectionSettings) -> str:
    if description.detector is None:
        return WHOLE_IMAGE
    if description.detector.name == "centerface":
        return centerface_recipe()
    return detector_recipe(detection)


def _cut_text(cut: Cut) -> str:
    if isinstance(cut, AlignedCut):
        margins = f" {_margins(cut.margin)}" if cut.template == "average-face" else ""
        to = "5 landmarks" if margins else cut.template
        text = f"aligned to {to}{margins}"
    elif isinstance(cut, BoxCut):
        text = f"box {_margins(cut.margin)}"
    else:
        text = f"whole image, {cut.resize}"
    return f"{text} mirrored" if cut.mirrored else text


def _margins(margin: tuple[float, float]) -> str:
    across, down = (f"{round(share * 100, 9):.12g}%" for share in margin)
    return f"+{across}x{down}"


def _size_text(network: Network) -> str:
    width, height = network.size
    return f"{width}px" if width == height else f"{width}x{height}px"


def _pixels_text(network: Network) -> str:
    pixels = network.pixels
    text = "standardised"
    if isinstance(pixels, ScaledPixels):
        text = f"mean {pixels.mean} deviation {pixels.deviation}"
    return text if network.colours == "RGB" else f"{text} {network.colours}"


def _network_text(network: Network) -> str:
    built = _BUILT.get(network.sha256)
    if built and (network.output, network.unit_length) == ("embeddings", True):
        return f"{built}/1"
    name = built or f"onnx {network.sha256}"
    length = "unit length" if network.unit_length else "any length"
    return f"{name} {network.output or 'only output'}, {network.dimension} numbers, {length}/1"
