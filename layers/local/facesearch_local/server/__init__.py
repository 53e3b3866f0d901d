"""The local server: the search API and its page over HTTP, without AWS."""

from facesearch_local.server.running import default_workers, serve

__all__ = ["default_workers", "serve"]
