"""The API put together: its routes, and how errors become answers, wherever they come from."""

from collections.abc import Mapping, Sequence

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response

from facesearch.errors import FacesearchError
from search_faces.answers import problem_answer
from search_faces.log import log_problem, logger
from search_faces.problems import problem_of, unexpected_problem
from search_faces.routes import include_routes

PREFLIGHT_S = 3600
"""How long a browser may remember that it was allowed to ask."""


def create_app(environ: Mapping[str, str]) -> APIGatewayRestResolver:
    """The resolver; FACESEARCH_CORS_ORIGINS names whose pages may use it, comma-separated."""
    origins = [each for each in environ.get("FACESEARCH_CORS_ORIGINS", "").split(",") if each]
    # In debug mode it would print whole requests: photos.
    app = APIGatewayRestResolver(debug=False, cors=_cors(origins))
    include_routes(app)
    app.exception_handler(FacesearchError)(_failed)
    app.exception_handler(Exception)(_unexpected)
    return app


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origin=origins[0],
        extra_origins=list(origins[1:]),
        expose_headers=["Retry-After", "X-Request-Id"],
        max_age=PREFLIGHT_S,
    )


def _failed(error: FacesearchError) -> Response[str]:
    problem = problem_of(error)
    log_problem(problem, error)
    return problem_answer(problem)


def _unexpected(error: Exception) -> Response[str]:
    logger.exception("request failed", error=type(error).__name__)
    return problem_answer(unexpected_problem())
