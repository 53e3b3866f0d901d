"""Settings come from the environment, have defaults, and name the variable that is wrong."""

from pathlib import Path

import pytest

from facesearch.collections import CollectionRule
from facesearch.errors import SettingsError
from facesearch.recipes.finding import built_in
from facesearch.settings import Settings
from facesearch.store_urls import url_of
from facesearch.vision.limits import IndexLimits
from facesearch_local.settings import ServeSettings
from index_faces.settings import IndexSettings
from search_faces.settings import SearchSettings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, which is not there yet; the current folder is empty."""
    folder = tmp_path / "home" / "facesearch"
    monkeypatch.setattr("facesearch.settings.user_data_folder", lambda: folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_settings_without_variables_are_the_defaults(home: Path) -> None:
    settings = Settings.from_env({})
    assert settings.store_url == f"sqlite:///{home}/faces.db"
    assert settings.models.name == "models"
    assert settings.threads >= 1
    assert settings.recipe is None


def test_store_where_earlier_versions_kept_it_is_used_until_there_is_one_at_home(
    home: Path,
) -> None:
    Path("faces.db").touch()
    assert Settings.from_env({}).store_url == "sqlite:///faces.db"
    home.mkdir(parents=True)
    (home / "faces.db").touch()
    assert Settings.from_env({}).store_url == f"sqlite:///{home}/faces.db"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("faces.db", "sqlite:///faces.db"),
        ("/srv/faces.db", "sqlite:////srv/faces.db"),
        (r"C:\photos\faces.db", r"sqlite:///C:\photos\faces.db"),
        ("sqlite:////srv/faces.db", "sqlite:////srv/faces.db"),
        ("opensearch://joe:secret@host/faces", "opensearch://joe:secret@host/faces"),
        ("sqlite:/a.db", "sqlite:/a.db"),
    ],
)
def test_store_is_a_path_or_a_url(given: str, url: str) -> None:
    assert Settings.from_env({"FACESEARCH_STORE": given}).store_url == url
    assert url_of(url) == url


def test_settings_take_each_variable() -> None:
    settings = Settings.from_env(
        {
            "FACESEARCH_STORE": "sqlite:////srv/faces.db",
            "FACESEARCH_MODELS": "/opt/models",
            "FACESEARCH_EMBEDDER": "facenet-fp32",
            "FACESEARCH_THREADS": "3",
            "FACESEARCH_VIEWS": "2",
            "FACESEARCH_MIN_FACE_SIZE": "40",
            "FACESEARCH_MIN_SHARPNESS": "30.5",
            "FACESEARCH_MIN_DETECTION_SCORE": "0.95",
            "FACESEARCH_MAX_FACES": "50",
        }
    )
    limits = IndexLimits(
        min_face_size=40, min_sharpness=30.5, min_detection_score=0.95, max_faces=50
    )
    assert settings == Settings(
        "sqlite:////srv/faces.db",
        Path("/opt/models"),
        threads=3,
        recipe=built_in("facenet-fp32-two-views"),
        limits=limits,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FACESEARCH_EMBEDDER", "vgg"),
        ("FACESEARCH_THREADS", "many"),
        ("FACESEARCH_THREADS", "-1"),
        ("FACESEARCH_VIEWS", "3"),
        ("FACESEARCH_MIN_FACE_SIZE", "big"),
        ("FACESEARCH_MIN_SHARPNESS", "-1"),
        ("FACESEARCH_MIN_SHARPNESS", "inf"),
        ("FACESEARCH_MIN_DETECTION_SCORE", "1.5"),
        ("FACESEARCH_MIN_DETECTION_SCORE", "nan"),
        ("FACESEARCH_MAX_FACES", "0"),
        ("FACESEARCH_MAX_FACES", "1001"),
    ],
)
def test_wrong_variable_is_named_with_its_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is '{value}': use "):
        Settings.from_env({variable: value})


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"FACESEARCH_RECIPE": "whole-image"}, "whole-image"),
        ({"FACESEARCH_VIEWS": "2"}, "facenet-two-views"),
        ({"FACESEARCH_RECIPE": "face-crop", "FACESEARCH_VIEWS": "2"}, "face-crop"),
        ({"FACESEARCH_EMBEDDER": "facenet-fp32"}, "facenet-fp32"),
        ({"FACESEARCH_VIEWS": "1"}, "facenet"),
    ],
)
def test_recipe_is_named_or_chosen_among_facenets(environ: dict[str, str], name: str) -> None:
    recipe = Settings.from_env(environ).recipe
    assert recipe is not None
    assert recipe.name == name


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"FACESEARCH_RECIPE": "vgg"}, "there is no recipe 'vgg': use .*facenet"),
        ({"FACESEARCH_RECIPE": "/nowhere/vgg.toml"}, "there is no recipe /nowhere/vgg.toml"),
    ],
)
def test_recipe_that_is_not_there_is_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.from_env(environ)


def test_settings_shown_hold_no_password() -> None:
    settings = Settings.from_env({"FACESEARCH_STORE": "opensearch://joe:secret@host/faces"})
    assert "secret" not in repr(settings)


def test_search_settings_take_each_variable() -> None:
    settings = SearchSettings.from_env(
        {
            "FACESEARCH_STORE": "sqlite:////srv/faces.db",
            "FACESEARCH_BUCKET": "photos",
            "FACESEARCH_COLLECTIONS": "tag",
            "FACESEARCH_PREFIX": "people/",
            "FACESEARCH_UPLOADS": "off",
            "FACESEARCH_SUFFIXES": ".jpg,.png",
            "FACESEARCH_UPLOAD_ORIGIN": "https://photos.example",
            "FACESEARCH_CORS_ORIGINS": "https://a.example,https://b.example",
            "FACESEARCH_COMMIT": "0123abc",
        }
    )
    assert settings.shared.store_url == "sqlite:////srv/faces.db"
    assert settings == SearchSettings(
        settings.shared,
        bucket="photos",
        collections=CollectionRule("tag", "people/"),
        uploads=False,
        suffixes=(".jpg", ".png"),
        upload_origin="https://photos.example",
        cors_origins=("https://a.example", "https://b.example"),
        commit="0123abc",
    )


@pytest.mark.usefixtures("home")
def test_search_settings_without_variables_are_the_defaults() -> None:
    assert SearchSettings.from_env({}) == SearchSettings(Settings.from_env({}))


@pytest.mark.parametrize(
    ("entry_point", "variable", "value"),
    [
        (IndexSettings, "FACESEARCH_THREADS", "many"),
        (IndexSettings, "FACESEARCH_COLLECTIONS", "folder"),
        (SearchSettings, "FACESEARCH_VIEWS", "3"),
        (SearchSettings, "FACESEARCH_COLLECTIONS", "folder"),
        (SearchSettings, "FACESEARCH_UPLOADS", "/srv/uploads"),
        (ServeSettings, "FACESEARCH_EMBEDDER", "vgg"),
    ],
)
def test_wrong_variable_of_an_entry_point_is_named(
    entry_point: type[IndexSettings | SearchSettings | ServeSettings], variable: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is '{value}': use "):
        entry_point.from_env({variable: value})


def test_local_server_keeps_new_photos_in_the_folder_and_sends_none_to_the_bucket() -> None:
    settings = ServeSettings.from_env(
        {"FACESEARCH_UPLOADS": "/srv/uploads", "FACESEARCH_BUCKET": "photos"}
    )
    assert settings.uploads == Path("/srv/uploads")
    assert (settings.search.bucket, settings.search.uploads) == ("photos", False)


@pytest.mark.parametrize(("value", "to_bucket"), [("", True), ("on", True), ("off", False)])
def test_local_server_without_a_folder_does_as_the_function_does(
    value: str, to_bucket: bool
) -> None:
    settings = ServeSettings.from_env({"FACESEARCH_UPLOADS": value})
    assert (settings.uploads, settings.search.uploads) == (None, to_bucket)
