"""Log the local server's own errors to stderr, but not the mistakes of callers."""

import logging

from search_faces.log import logger


def log_failures() -> None:
    handler = logging.StreamHandler()
    known = {"error": "unexpected", "reason": ""}
    line = "%(asctime)s %(message)s: %(error)s %(reason)s"
    handler.setFormatter(logging.Formatter(line, defaults=known))
    for name in (logger.name, "uvicorn.error"):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(logging.ERROR)
