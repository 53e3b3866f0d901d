"""The detector on real photos: portraits, crowds, thumbnails, and pictures of nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Point
from facesearch.vision.detection import MtcnnDetector
from facesearch.vision.models import ModelFolder
from tests.evaluation.detection import mosaic, pictures_without_people

LfwPhoto = Callable[[str, int], Path]
Rgb = NDArray[np.uint8]

# Whose first photo shows nobody else, not even small in the background.
ALONE = (
    *("Abdullah_Gul", "Adrien_Brody", "Al_Gore", "Al_Sharpton", "Albert_Costa"),
    *("Alejandro_Toledo", "Ali_Naimi", "Alvaro_Uribe", "Amelia_Vega", "Amelie_Mauresmo"),
    *("Ana_Guevara", "Ana_Palacio", "Andre_Agassi", "Andy_Roddick", "Angela_Bassett"),
    *("Angelina_Jolie", "Ann_Veneman", "Antonio_Palocci", "Ari_Fleischer", "Ariel_Sharon"),
    *("Atal_Bihari_Vajpayee", "Bill_Clinton", "Bill_Frist", "Bill_Gates", "Bill_Graham"),
    *("Billy_Crystal", "Britney_Spears", "Cameron_Diaz", "Carlos_Menem", "Carmen_Electra"),
)


@pytest.fixture(scope="module")
def detector(models: Path) -> MtcnnDetector:
    folder = ModelFolder(models)
    return MtcnnDetector(*(folder.open(name, threads=1) for name in ("pnet", "rnet", "onet")))


def photo(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def centre(box: BoundingBox) -> Point:
    return Point(box.left + box.width / 2, box.top + box.height / 2)


def overlap(one: BoundingBox, other: BoundingBox) -> float:
    """Intersection over union."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def scaled(box: BoundingBox, factor: float) -> BoundingBox:
    return BoundingBox(*(factor * value for value in (box.left, box.top, box.width, box.height)))


def collage(photos: list[Image.Image], columns: int, tile: int) -> Image.Image:
    rows = -(-len(photos) // columns)
    sheet = Image.new("RGB", (columns * tile, rows * tile))
    for number, portrait in enumerate(photos):
        place = number % columns * tile, number // columns * tile
        sheet.paste(portrait.resize((tile, tile), Image.Resampling.BICUBIC), place)
    return sheet


def on_canvas(portrait: Image.Image, side: int, canvas: tuple[int, int]) -> Rgb:
    """The portrait, side×side, in the middle of grey."""
    sheet = Image.new("RGB", canvas, "grey")
    place = (canvas[0] - side) // 2, (canvas[1] - side) // 2
    sheet.paste(portrait.resize((side, side), Image.Resampling.LANCZOS), place)
    return np.asarray(sheet)


def assert_face_is_plausible(face: DetectedFace) -> None:
    box, marks = face.box, face.landmarks
    for mark in (marks.left_eye, marks.right_eye, marks.nose, marks.mouth_left, marks.mouth_right):
        assert box.left < mark.x < box.left + box.width
        assert box.top < mark.y < box.top + box.height
    assert marks.left_eye.x < marks.nose.x < marks.right_eye.x
    assert marks.mouth_left.x < marks.mouth_right.x
    assert max(marks.left_eye.y, marks.right_eye.y) < marks.nose.y
    assert marks.nose.y < min(marks.mouth_left.y, marks.mouth_right.y)
    assert 0.6 < box.width / box.height < 1.1
    assert 0.7 <= face.detection_score <= 1


@pytest.mark.parametrize("person", ["Angela_Bassett", "Bill_Gates", "Andre_Agassi"])
def test_detect_of_a_portrait_finds_one_face_with_its_landmarks_in_place(
    detector: MtcnnDetector, lfw_photo: LfwPhoto, person: str
) -> None:
    (face,) = detector.detect(np.asarray(photo(lfw_photo(person, 1))))
    assert_face_is_plausible(face)
    # LFW's photos are 250×250 around the face.
    assert abs(centre(face.box).x - 125) < 15
    assert abs(centre(face.box).y - 125) < 15
    assert 60 < face.box.width < 130


def test_detect_finds_a_face_in_every_sample_photo(detector: MtcnnDetector, sample: Path) -> None:
    paths = sorted(sample.glob("*/*/*.jpg"))
    assert len(paths) == 118
    assert [path.name for path in paths if not detector.detect(np.asarray(photo(path)))] == []


def test_detect_in_a_photo_twice_the_size_finds_the_box_twice_the_size(
    detector: MtcnnDetector, lfw_photo: LfwPhoto
) -> None:
    small = photo(lfw_photo("Angela_Bassett", 1))
    large = small.resize((500, 500), Image.Resampling.BICUBIC)
    (in_small,) = detector.detect(np.asarray(small))
    (in_large,) = detector.detect(np.asarray(large))
    assert overlap(scaled(in_small.box, 2), in_large.box) > 0.85
    assert abs(in_large.landmarks.nose.x - 2 * in_small.landmarks.nose.x) < 10


@pytest.mark.parametrize("tile", [60, 330])
def test_detect_of_a_group_of_thirty_finds_each(
    detector: MtcnnDetector, lfw_photo: LfwPhoto, tile: int
) -> None:
    group = collage([photo(lfw_photo(person, 1)) for person in ALONE], columns=6, tile=tile)
    faces = detector.detect(np.asarray(group))
    assert len(faces) == 30
    middles = [centre(face.box) for face in faces]
    assert {(middle.x // tile, middle.y // tile) for middle in middles} == {
        (column, row) for column in range(6) for row in range(5)
    }


def test_detect_of_several_faces_returns_the_largest_first(
    detector: MtcnnDetector, lfw_photo: LfwPhoto
) -> None:
    portrait = photo(lfw_photo("Bill_Gates", 1))
    sheet = Image.new("RGB", (600, 250), "grey")
    for left, side in ((0, 120), (120, 250), (370, 180)):
        sheet.paste(portrait.resize((side, side)), (left, 0))
    widths = [face.box.width for face in detector.detect(np.asarray(sheet))]
    assert len(widths) == 3
    assert widths == sorted(widths, reverse=True)


def test_detect_finds_a_very_large_face_among_many_people(
    detector: MtcnnDetector, lfw_photo: LfwPhoto
) -> None:
    tile, side = 100, 500
    people = collage([photo(lfw_photo(person, 1)) for person in ALONE], columns=6, tile=tile)
    selfie = Image.new("RGB", (people.width + side, people.height))
    selfie.paste(people)
    near = photo(lfw_photo("Bill_Gates", 1)).crop((50, 50, 200, 200))
    selfie.paste(near.resize((side, side), Image.Resampling.BICUBIC), (people.width, 0))
    largest, *others = detector.detect(np.asarray(selfie))
    assert largest.box.width > side / 2
    assert centre(largest.box).x > people.width
    middles = [centre(face.box) for face in others]
    places = [(middle.x // tile, middle.y // tile) for middle in middles]
    assert sorted(places) == [(column, row) for column in range(6) for row in range(5)]


@pytest.mark.parametrize("canvas", [(250, 250), (1600, 1200), (2500, 700)])
def test_detect_of_a_small_face_in_a_large_empty_photo_finds_it(
    detector: MtcnnDetector, lfw_photo: LfwPhoto, canvas: tuple[int, int]
) -> None:
    side = max(75, canvas[0] // 12)  # the face itself is 0.4 as wide
    (face,) = detector.detect(on_canvas(photo(lfw_photo("Angela_Bassett", 1)), side, canvas))
    assert_face_is_plausible(face)
    assert abs(centre(face.box).x - canvas[0] / 2) < side / 8
    assert abs(centre(face.box).y - canvas[1] / 2) < side / 8


def test_detect_of_a_face_cut_by_the_edge_returns_a_box_inside_the_photo(
    detector: MtcnnDetector, lfw_photo: LfwPhoto
) -> None:
    cut = photo(lfw_photo("Angela_Bassett", 1)).crop((95, 0, 250, 250))
    (face,) = detector.detect(np.asarray(cut))
    assert face.box.left == 0
    assert face.box.top >= 0
    assert face.box.width > 40
    assert face.box.top + face.box.height <= 250


@pytest.mark.parametrize(
    ("person", "number", "crop"),
    [
        ("Ernie_Harwell", 1, (106, 0, 250, 250)),
        ("John_Bolton", 4, (119, 0, 250, 250)),
        ("Hugo_Chavez", 41, (111, 0, 250, 250)),
        ("Jacques_Chirac", 13, (0, 0, 133, 250)),
        ("Jamie_Villafane", 2, (0, 0, 141, 250)),
        ("Juergen_Peters", 1, (0, 0, 128, 250)),
        ("Queen_Silvia", 1, (0, 0, 250, 141)),
        ("Alex_Sink", 1, (0, 118, 250, 250)),
    ],
)
def test_detect_finds_a_face_of_which_the_edge_leaves_half(
    detector: MtcnnDetector,
    lfw_photo: LfwPhoto,
    person: str,
    number: int,
    crop: tuple[int, int, int, int],
) -> None:
    assert detector.detect(np.asarray(photo(lfw_photo(person, number)).crop(crop)))


def test_detect_in_an_image_is_that_in_its_pixels(detector: MtcnnDetector, sample: Path) -> None:
    upright = Image.open(next((sample / "train" / "madonna").iterdir())).convert("RGB")
    for turn in (None, *Image.Transpose):
        image = upright if turn is None else upright.transpose(turn)
        assert detector.detect(image) == detector.detect(np.asarray(image)) != []


def test_detect_again_gives_the_same_numbers(detector: MtcnnDetector, lfw_photo: LfwPhoto) -> None:
    rgb = np.asarray(photo(lfw_photo("Carmen_Electra", 1)))
    assert detector.detect(rgb) == detector.detect(rgb.copy())


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (19, 300), (20, 20), (12, 5000), (5000, 12)])
def test_detect_of_a_tiny_or_narrow_photo_finds_nothing(
    detector: MtcnnDetector, shape: tuple[int, int]
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector.detect(noise) == []


@pytest.mark.parametrize("level", [0, 255])
def test_detect_of_one_colour_finds_nothing(detector: MtcnnDetector, level: int) -> None:
    assert detector.detect(np.full((250, 250, 3), level, dtype=np.uint8)) == []


def test_detect_of_noise_finds_nothing(detector: MtcnnDetector) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert detector.detect(noise) == []


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_detect_finds_faces_of_a_turned_photo_where_they_are(
    sample: Path, detector: MtcnnDetector, turn: int
) -> None:
    paths = sorted(sample.glob("val/*/*.jpg"))
    placed = 0
    for path in paths:
        upright = np.asarray(photo(path))
        turned = np.ascontiguousarray(np.rot90(upright, turn))
        there, here = detector.detect(turned)[:1], detector.detect(upright)[:1]
        if there and here:
            height, width = turned.shape[:2]
            box = turned_by(there[0].box, 4 - turn, width, height)
            placed += overlap(box, here[0].box) > 0.6
    assert placed >= 0.9 * len(paths)


@pytest.mark.slow
@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("tile", [90, 125])
def test_detect_finds_a_turned_crowd_where_one_face_looks_upright(
    lfw: Path, detector: MtcnnDetector, tile: int, turn: int
) -> None:
    paths = sorted(lfw.glob("*/*_0001.jpg"))
    for first in range(4):
        upright = mosaic(paths[first::110][:48], tile, 8)
        turned = np.ascontiguousarray(np.rot90(upright, turn))
        assert len(detector.detect(turned)) == len(detector.detect(upright))


def turned_by(box: BoundingBox, quarters: int, width: int, height: int) -> BoundingBox:
    """In a photo of this size that is turned by quarters against the clock."""
    for _ in range(quarters):
        box = BoundingBox(box.top, width - box.left - box.width, box.height, box.width)
        width, height = height, width
    return box


def test_detect_finds_next_to_nothing_in_pictures_without_people(detector: MtcnnDetector) -> None:
    pictures = list(pictures_without_people())
    wrong = [name for name, pixels in pictures if detector.detect(pixels)]
    assert len(pictures) >= 80
    assert len(wrong) <= len(pictures) // 50, wrong


@pytest.mark.parametrize(
    ("person", "number", "faces"),
    [
        # One face that two squares found …
        ("Fidel_Castro", 2, 1),
        # … and people cheek to cheek.
        ("Ben_Affleck", 7, 2),
        ("Cori_Enghusen", 1, 2),
        ("George_W_Bush", 22, 3),
        ("Gene_Robinson", 3, 2),
        ("Pamela_Melroy", 1, 3),
    ],
)
def test_detect_finds_each_of_the_faces_that_touch_once(
    lfw_photo: LfwPhoto, detector: MtcnnDetector, person: str, number: int, faces: int
) -> None:
    found = detector.detect(np.asarray(photo(lfw_photo(person, number))))
    assert len([face for face in found if face.box.width > 50]) == faces
