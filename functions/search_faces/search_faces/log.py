"""The log. It never holds what a caller sent. The entry point decides where it goes."""

import logging
from http import HTTPStatus

from facesearch.errors import FacesearchError
from search_faces.problems import HttpProblem

logger = logging.getLogger("search_faces")


def log_problem(problem: HttpProblem, error: FacesearchError) -> None:
    """Log a problem: a caller's by its code only, the service's with its reason."""
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request failed", extra={"error": error.code, "reason": str(error)})
    else:
        logger.info("request refused", extra={"error": error.code})
