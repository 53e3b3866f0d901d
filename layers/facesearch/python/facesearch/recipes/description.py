"""The description of a recipe, as its TOML file has it: one typed value, checked as it is read.

    version = 1
    name = "my-faces"
    regions = "faces"              # or "whole-image"

    [detector]                     # for faces
    name = "mtcnn"

    [[cuts]]                       # one to four: the mean of their embeddings is taken
    kind = "aligned"               # or "box", "whole"
    template = "arcface"

    [network]
    file = "my-faces.onnx"         # beside this file, or in the folder of models
    sha256 = "…"
    size = [112, 112]              # width and height
    layout = "NCHW"
    colours = "BGR"
    pixels = { kind = "scale", mean = [127.5, 127.5, 127.5], deviation = [128, 128, 128] }
    dimension = 512
    unit_length = true
    licence = "MIT"
    source = "where it is from"

`[calibration]` is what `facesearch evaluate --calibrate` writes.
"""

import re
import tomllib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from facesearch.confidence import Calibration
from facesearch.errors import SettingsError

VERSION = 1
MOST_BYTES = 16_384
"""Of a recipe's text: what is larger is no recipe, and may cost `tomllib` quadratic time."""

_FILE = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*\.onnx\Z"
_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}\Z"

# msgspec 0.22 crashes on a union of a bounded number and a tuple: there is none here.
Margin = Annotated[float, Meta(ge=0, le=2)]
Side = Annotated[int, Meta(ge=1, le=2048)]
Place = Annotated[float, Meta(ge=-4096, le=4096)]
Level = Annotated[float, Meta(ge=0, le=255)]
Deviation = Annotated[float, Meta(gt=0, le=65_535)]
Text = Annotated[str, Meta(min_length=1, max_length=500)]
TensorName = Annotated[str, Meta(max_length=200)]


class _Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Detector(_Table, frozen=True, kw_only=True):
    """What finds the faces: MTCNN, also where photos are turned, or CenterFace, faster."""

    name: Literal["mtcnn", "centerface"] = "mtcnn"


class BoxCut(_Table, frozen=True, kw_only=True, tag_field="kind", tag="box"):
    """The detector's box, stretched to the network's size.

    `margin` is added, across and down, as shares of the box's sides: half of it on each side.
    """

    margin: tuple[Margin, Margin] = (0.0, 0.0)
    mirrored: bool = False


class AlignedCut(_Table, frozen=True, kw_only=True, tag_field="kind", tag="aligned"):
    """The face turned, moved and scaled until its five landmarks lie as on a template.

    `average-face` is where MTCNN's boxes have them on average, with `margin` as of a box;
    `arcface` is the template of ArcFace for 112 × 112. Or five points in pixels of the network's
    input: left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them.
    """

    template: (
        Literal["average-face", "arcface"]
        | Annotated[tuple[tuple[Place, Place], ...], Meta(min_length=5, max_length=5)]
    )
    margin: tuple[Margin, Margin] = (0.0, 0.0)
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.template != "average-face" and self.margin != (0.0, 0.0):
            raise ValueError("margin is for the template average-face: move the points instead")
        if isinstance(self.template, tuple) and len(set(self.template)) < 2:
            raise ValueError("template has one point five times: give the five landmarks' places")


class WholeCut(_Table, frozen=True, kw_only=True, tag_field="kind", tag="whole"):
    """The whole photo: stretched to the network's size, or its middle, cut to that aspect."""

    resize: Literal["stretch", "crop"] = "stretch"
    mirrored: bool = False


Cut = BoxCut | AlignedCut | WholeCut


class ScaledPixels(_Table, frozen=True, kw_only=True, tag_field="kind", tag="scale"):
    """(pixel − mean) / deviation, of pixels from 0 to 255.

    One number for each channel, in the order that the network reads them in.
    """

    mean: tuple[Level, Level, Level] = (0.0, 0.0, 0.0)
    deviation: tuple[Deviation, Deviation, Deviation] = (1.0, 1.0, 1.0)


class StandardisedPixels(_Table, frozen=True, kw_only=True, tag_field="kind", tag="standardise"):
    """Each picture less its own mean, over its own standard deviation."""


class Network(_Table, frozen=True, kw_only=True):
    """An ONNX file with one input of float32 pictures, and what it makes of them.

    `size` is width and height in pixels, `layout` where the channels are, `colours` their order.
    `input` and `output` name tensors; empty: the only one. With `unit_length`, its vectors are
    scaled to an L2 norm of 1.
    """

    file: Annotated[str, Meta(pattern=_FILE, max_length=200)]
    size: tuple[Side, Side]
    layout: Literal["NCHW", "NHWC"]
    colours: Literal["RGB", "BGR"] = "RGB"
    pixels: ScaledPixels | StandardisedPixels
    input: TensorName = ""
    output: TensorName = ""
    dimension: Annotated[int, Meta(ge=64, le=2048)]
    unit_length: bool
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    """Empty in the descriptions of networks that a person brings: no such recipe can be used."""
    licence: Text
    source: Text


class Distance(_Table, frozen=True, kw_only=True):
    """How far two embeddings are apart."""

    kind: Literal["l2"] = "l2"


class RecipeDescription(_Table, frozen=True, kw_only=True):
    """A whole recipe."""

    version: Literal[1]
    name: Annotated[str, Meta(pattern=_NAME)]
    about: Annotated[str, Meta(max_length=500)] = ""
    regions: Literal["faces", "whole-image"]
    detector: Detector | None = None
    cuts: Annotated[tuple[Cut, ...], Meta(min_length=1, max_length=4)]
    network: Network
    distance: Distance = Distance()
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        whole = [isinstance(cut, WholeCut) for cut in self.cuts]
        if self.regions == "faces":
            if self.detector is None:
                raise ValueError('faces need a detector: add [detector] with name = "mtcnn"')
            if any(whole):
                raise ValueError('cuts of faces are "box" or "aligned", not "whole"')
        elif self.detector is not None:
            raise ValueError("whole images need no detector: take [detector] out")
        elif not all(whole):
            raise ValueError('cuts of whole images are "whole"')


def parse_recipe(content: bytes, where: str) -> RecipeDescription:
    """The recipe of a TOML file, which messages call `where`.

    Raises `SettingsError`, which names the key.
    """
    if len(content) > MOST_BYTES:
        raise SettingsError(
            f"recipe {where} has {len(content):,} bytes, more than a recipe has: name another file"
        )
    try:
        values = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        reason = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise SettingsError(f"recipe {where} is no TOML file: {reason}") from error
    if values.get("version", VERSION) != VERSION:
        raise SettingsError(
            f"recipe {where}: version is {str(values['version'])[:40]}, this facesearch knows "
            f"{VERSION}: use the facesearch that it was written for"
        )
    try:
        return msgspec.convert(values, RecipeDescription)
    except msgspec.ValidationError as error:
        raise SettingsError(f"recipe {where}: {_explained(str(error))}") from error


_USE = {
    "name": "small letters, digits, '.', '-' and '_', 64 at most, the first a letter or digit",
    "regions": "faces or whole-image",
    "detector.name": "mtcnn or centerface",
    "cuts": "one to four tables [[cuts]]",
    "cuts.kind": "aligned, box or whole",
    "cuts.template": "average-face, arcface, or five points as [[x, y], …]",
    "cuts.margin": "two numbers from 0 to 2, as [0.3, 0.1]",
    "cuts.resize": "stretch or crop",
    "network.file": "the name of an .onnx file beside the recipe, without spaces",
    "network.sha256": "the 64 hex digits, in small letters, that sha256sum prints of the file",
    "network.size": "width and height in pixels, as [112, 112]",
    "network.layout": "NCHW or NHWC",
    "network.colours": "RGB or BGR",
    "network.pixels.kind": "scale or standardise",
    "network.pixels.mean": "three numbers from 0 to 255",
    "network.pixels.deviation": "three numbers above 0",
    "network.dimension": "a whole number from 64 to 2048",
    "network.precision": "fp32, fp16 or int8",
    "distance.kind": "l2",
}
"""What the values of keys may be, where the type alone would not say it."""

_TYPES = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def _explained(message: str) -> str:
    """msgspec's message with the key first, and what to write there."""
    text, _, path = message.partition(" - at `")
    key = re.sub(r"^\$\.?", "", path.removesuffix("`"))
    if named := re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", text):
        whole = f"{key}.{named[2]}" if key else named[2]
        if named[1] == "missing required":
            use = _use(whole)
            return f"{whole} is missing: add it{f' ({use})' if use else ''}"
        return f"{whole} is no key of a recipe: take it out, or correct its name"
    given = re.fullmatch(r"Invalid (?:enum )?value ('.*')", text)
    expected = re.fullmatch(r"Expected `(\w+)`(.*)", text)
    use = _use(key)
    if use is None and expected:
        use = f"{_TYPES.get(expected[1], expected[1])}{_bounds(expected[2])}"
    if use is None or not (given or text.startswith("Expected ")):
        # What the description itself says.
        return f"{key}: {text}" if key else text
    return f"{key} is {given[1] if given else 'not understood'}: use {use}"


def _use(key: str) -> str | None:
    """That of the key itself, or, of a part of a list, that of the list."""
    return _USE.get(re.sub(r"\[[^]]*\]", "", key))


def _bounds(text: str) -> str:
    text = text.partition(", got")[0].replace("`", "")
    return ", not an empty one" if text == " of length >= 1" else text
