"""Find faces in photos, embed them, and search them by nearest neighbour.

The names below and those of `facesearch.errors` are public; everything else may move. Each name
is imported at its first use, so that a program loads only what it needs.
"""

import os
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facesearch.errors import FacesearchError as FacesearchError
    from facesearch.faces import Match as Match
    from facesearch.faces import Recipe as Recipe
    from facesearch.faces import Removal as Removal
    from facesearch.indexing import Outcome as Outcome
    from facesearch.indexing import PhotoToIndex as PhotoToIndex
    from facesearch.indexing import Status as Status
    from facesearch.indexing import index_photos as index_photos
    from facesearch.photos.places import Photos as Photos
    from facesearch.photos.reading import PhotoContent as PhotoContent
    from facesearch.searching import Scope as Scope
    from facesearch.searching import compare_faces as compare_faces
    from facesearch.searching import search_face as search_face
    from facesearch.searching import search_person as search_person
    from facesearch.searching import search_photo as search_photo
    from facesearch.settings import Settings as Settings
    from facesearch.stores import Counts as Counts
    from facesearch.stores import FaceStore as FaceStore
    from facesearch.stores import StoreStatus as StoreStatus
    from facesearch.stores import open_store as open_store
    from facesearch.vision.pipeline import FacePipeline as FacePipeline

__version__ = "0.1.0"

PUBLIC = {
    "Counts": "stores",
    "FacePipeline": "vision.pipeline",
    "FaceStore": "stores",
    "FacesearchError": "errors",
    "Match": "faces",
    "Outcome": "indexing",
    "PhotoContent": "photos.reading",
    "PhotoToIndex": "indexing",
    "Photos": "photos.places",
    "Recipe": "faces",
    "Removal": "faces",
    "Scope": "searching",
    "Settings": "settings",
    "Status": "indexing",
    "StoreStatus": "stores",
    "compare_faces": "searching",
    "index_photos": "indexing",
    "open_store": "stores",
    "search_face": "searching",
    "search_person": "searching",
    "search_photo": "searching",
}
"""Where each name is."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in PUBLIC:
            raise AttributeError(f"module 'facesearch' has no attribute '{name}'")
        return getattr(import_module(f"facesearch.{PUBLIC[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *PUBLIC})


_TELEMETRY = "ORT_DISABLE_TELEMETRY"


def _switch_telemetry_off() -> None:
    """Turn ONNX Runtime's telemetry off. It reads this variable when it is imported.

    By default it reports to its maker ten seconds after the first model has run. It also leaves a
    device id and a database in the user's cache.
    """
    if "onnxruntime" in sys.modules and os.environ.get(_TELEMETRY) != "1":
        warnings.warn(
            "onnxruntime was imported before facesearch: its telemetry is on. Import facesearch "
            f"first, or set {_TELEMETRY}=1",
            stacklevel=3,
        )
    os.environ[_TELEMETRY] = "1"


_switch_telemetry_off()
