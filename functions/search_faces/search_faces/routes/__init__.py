"""The API's paths, a module for each subject; what no path takes is refused here, too."""

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from facesearch.errors import NotFound
from search_faces.answers import problem_answer
from search_faces.problems import method_problem, problem_of
from search_faces.routes import documents, faces, page, reading, searching, uploads

ROUTERS = (
    searching.router,
    faces.router,
    reading.router,
    uploads.router,
    documents.router,
    page.router,
)


def include_routes(app: APIGatewayRestResolver) -> None:
    """Let `app` answer on every path; others get 404, and other methods 405."""
    for router in ROUTERS:
        app.include_router(router)
    # Powertools has no public list of what was registered.
    routes = [*app._static_routes, *app._dynamic_routes]

    def refuse(_: NotFoundError) -> Response[str]:
        path = app.current_event.path
        allowed = ", ".join(sorted({each.method for each in routes if each.rule.match(path)}))
        if allowed:
            return problem_answer(method_problem(allowed), {"Allow": allowed})
        error = NotFound("there is nothing at this path: POST a photo to /search")
        return problem_answer(problem_of(error))

    app.not_found(refuse)
