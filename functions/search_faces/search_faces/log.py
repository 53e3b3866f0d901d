"""The log: it never holds what a caller sent. Who runs the API decides where it goes."""

import logging
from http import HTTPStatus

from facesearch.errors import FacesearchError
from search_faces.problems import Problem

logger = logging.getLogger("search_faces")


def log_problem(problem: Problem, error: FacesearchError) -> None:
    """A caller's mistakes are noted, their words are not; the operator's are told in full."""
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request failed", extra={"error": error.code, "reason": str(error)})
    else:
        logger.info("request refused", extra={"error": error.code})
