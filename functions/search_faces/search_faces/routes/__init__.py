"""The API's routes, a module for each subject. ROUTES is the table of all."""

from typing import Any

from search_faces.routes import faces, reading, searching, uploads
from search_faces.routing import Route

ROUTES: tuple[Route[Any, Any], ...] = (
    searching.SEARCH,
    searching.MATCHES,
    faces.FACE_ROUTE,
    faces.FACE_THUMBNAIL,
    faces.FACE_PHOTO,
    faces.FACE_PREVIEW,
    faces.HIDE_FACE,
    faces.SHOW_FACE,
    faces.DETECT,
    faces.COMPARE,
    reading.PHOTOS,
    uploads.DELETE_PHOTO,
    uploads.UPLOADS,
    reading.COLLECTIONS,
    reading.HEALTH,
    reading.VERSION,
)
