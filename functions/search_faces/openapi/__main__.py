"""Writes openapi.json: `python -m search_faces.openapi`."""

from search_faces.openapi.document import FILE, written

FILE.write_text(written(), "utf-8")
