"""The function's log: it never holds what a caller sent."""

from http import HTTPStatus

from aws_lambda_powertools import Logger

from facesearch.errors import FacesearchError
from search_faces.problems import Problem

logger = Logger(service="search_faces")


def log_problem(problem: Problem, error: FacesearchError) -> None:
    """A caller's mistakes are noted, their words are not; the operator's are told in full."""
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request failed", error=error.code, reason=str(error))
    else:
        logger.info("request refused", error=error.code)
