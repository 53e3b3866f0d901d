"""What goes wrong in the local server, on stderr; a caller's mistakes are no news."""

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
