"""Writes openapi.json: `python -m facesearch_local.openapi`."""

from facesearch_local.openapi.document import FILE, written

FILE.write_text(written(), "utf-8")
