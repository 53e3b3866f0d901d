"""Settings come from the environment, have defaults, and name the variable that is wrong."""

from pathlib import Path

import pytest

from facesearch.errors import SettingsError
from facesearch.settings import Settings


def test_settings_without_variables_are_the_defaults() -> None:
    settings = Settings.from_env({})
    assert settings.store_url == "sqlite:///faces.db"
    assert settings.embedder == "facenet-int8"
    assert settings.models.name == "models"
    assert settings.threads >= 1
    assert settings.views == 1


def test_settings_take_each_variable() -> None:
    settings = Settings.from_env(
        {
            "FACESEARCH_STORE": "sqlite:////srv/faces.db",
            "FACESEARCH_MODELS": "/opt/models",
            "FACESEARCH_EMBEDDER": "facenet-fp32",
            "FACESEARCH_THREADS": "3",
            "FACESEARCH_VIEWS": "2",
        }
    )
    assert settings == Settings(
        "sqlite:////srv/faces.db", Path("/opt/models"), "facenet-fp32", threads=3, views=2
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FACESEARCH_EMBEDDER", "vgg"),
        ("FACESEARCH_THREADS", "many"),
        ("FACESEARCH_THREADS", "-1"),
        ("FACESEARCH_VIEWS", "3"),
    ],
)
def test_wrong_variable_is_named_with_its_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is '{value}': use "):
        Settings.from_env({variable: value})


def test_settings_shown_hold_no_password() -> None:
    settings = Settings.from_env({"FACESEARCH_STORE": "opensearch://joe:secret@host/faces"})
    assert "secret" not in repr(settings)
