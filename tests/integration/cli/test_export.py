"""`facesearch export`: each format holds what the store holds."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from facesearch.faces import StoredFace
from facesearch.photos.folder import photo_name
from facesearch.stores import open_store
from tests.integration.cli.running import Cli

LANDMARKS = [
    f"{point}_{axis}"
    for point in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    for axis in "xy"
]
SCALARS = [
    *("photo_id", "path", "face_id", "index", "collection"),
    *("box_left", "box_top", "box_width", "box_height"),
    *LANDMARKS,
    *("detection_score", "photo_width", "photo_height", "hidden"),
]


@pytest.fixture
def faces(train_store: str) -> list[StoredFace]:
    with open_store(train_store, None) as store:
        return list(store.faces())


def embeddings_of(faces: list[StoredFace]) -> np.ndarray:
    return np.stack([stored.face.embedding for stored in faces])


def test_parquet_round_trip(
    cli: Cli, train_store: str, faces: list[StoredFace], tmp_path: Path
) -> None:
    file = tmp_path / "faces.parquet"
    assert cli("export", file, "--store", train_store).code == 0
    table = pyarrow.parquet.read_table(file)
    assert table.column_names == [*SCALARS, "embedding"]
    assert str(table.schema.field("embedding").type).endswith("[128]")
    vectors = np.array(table["embedding"].to_pylist(), dtype=np.float32)
    assert np.array_equal(vectors, embeddings_of(faces))
    assert table["photo_id"].to_pylist() == [face.photo.photo_id for face in faces]
    assert table["path"].to_pylist() == [photo_name(face.photo.photo_id) for face in faces]
    assert table["nose_x"].to_pylist() == pytest.approx(
        [face.face.detected.landmarks.nose.x for face in faces], rel=1e-6
    )
    assert table["box_height"].to_pylist() == pytest.approx(
        [face.face.detected.box.height for face in faces], rel=1e-6
    )
    assert table["photo_width"].to_pylist() == [face.photo.width for face in faces]


def test_csv_round_trip(
    cli: Cli, train_store: str, faces: list[StoredFace], tmp_path: Path
) -> None:
    file = tmp_path / "faces.csv"
    assert cli("export", file, "--store", train_store).code == 0
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == [*SCALARS, *(f"e{number}" for number in range(128))]
    vectors = np.array([[row[f"e{n}"] for n in range(128)] for row in rows], dtype=np.float32)
    assert np.array_equal(vectors, embeddings_of(faces))
    assert [row["face_id"] for row in rows] == [face.face_id for face in faces]


def test_npz_round_trip(
    cli: Cli, train_store: str, faces: list[StoredFace], tmp_path: Path
) -> None:
    file = tmp_path / "faces.npz"
    assert cli("export", file, "--store", train_store).code == 0
    with np.load(file, allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted([*SCALARS, "embedding"])
        assert np.array_equal(arrays["embedding"], embeddings_of(faces))
        assert list(arrays["path"]) == [photo_name(face.photo.photo_id) for face in faces]
        assert list(arrays["index"]) == [face.number for face in faces]


def test_export_reports_how_many(cli: Cli, train_store: str, tmp_path: Path) -> None:
    file = tmp_path / "faces.csv"
    ran = cli("export", "--json", file, "--store", train_store)
    assert ran.json == {"faces": len(file.read_text().splitlines()) - 1, "file": str(file)}


def test_export_of_a_store_without_faces_has_the_columns(cli: Cli, people: Path) -> None:
    for photo in people.iterdir():
        photo.write_bytes(b"")
    cli("index", people)
    for name in ("none.parquet", "none.csv", "none.npz"):
        ran = cli("export", people / name)
        assert ran.code == 0
        assert ran.out.startswith("0 faces")
    with np.load(people / "none.npz") as arrays:
        assert arrays["embedding"].shape == (0, 128)


def test_export_with_an_unknown_extension_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    ran = cli("export", tmp_path / "faces.xlsx")
    assert ran.code == 2
    assert ".parquet" in ran.err


def test_export_without_a_store_says_so_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    ran = cli("export", tmp_path / "faces.csv")
    assert ran.code == 1
    assert "index some photos first" in ran.err
    assert not list(tmp_path.iterdir())


def test_export_into_a_missing_folder_names_the_file(
    cli: Cli, train_store: str, tmp_path: Path
) -> None:
    file = tmp_path / "nowhere" / "faces.csv"
    ran = cli("export", file, "--store", train_store)
    assert ran.code == 1
    assert ran.err.startswith(f"error: {file} cannot be written")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_csv_holds_no_formulas(cli: Cli, people: Path, tmp_path: Path, name: str) -> None:
    cli("index", "--collection", name, people / "elton.jpg")
    file = tmp_path / "faces.csv"
    assert cli("export", file).code == 0
    with file.open(newline="", encoding="utf-8") as lines:
        (row,) = csv.DictReader(lines)
    assert row["collection"] == f"'{name}"
    assert row["photo_id"].startswith("file:///")
