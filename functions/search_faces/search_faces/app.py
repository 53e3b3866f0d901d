"""The API in Lambda: Powertools' resolver with the API's routes."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from search_faces.answering import answer_request, refusal_answer
from search_faces.http import HttpAnswer, HttpRequest
from search_faces.routes import ROUTES
from search_faces.routing import Route
from search_faces.service import SearchService
from search_faces.static import STATIC_ROUTES, StaticRoute, static_answer

PREFLIGHT_S = 3600
"""How long a browser may keep the answer to a preflight request."""


def create_app(
    open_service: Callable[[], SearchService], cors_origins: Sequence[str] = ()
) -> APIGatewayRestResolver:
    """Make the resolver. Pages of `cors_origins` may use the API, too."""
    # In debug mode it would print whole requests: photos.
    app = APIGatewayRestResolver(debug=False, cors=_cors(cors_origins))
    for route in ROUTES:
        respond = _answering(app, route, open_service)
        app.route(_rule(route.path), route.method, compress=route.compress)(respond)
    for static in STATIC_ROUTES:
        app.get(_rule(static.path), compress=True)(_serving(app, static, open_service))
    # Powertools has no public list of what was registered.
    routes = [*app._static_routes, *app._dynamic_routes]

    def refuse(_: NotFoundError) -> Response[str | bytes]:
        path = app.current_event.path
        allowed = {each.method for each in routes if each.rule.match(path)}
        return _response(refusal_answer(_request(app, {}), sorted(allowed)))

    app.not_found(refuse)
    return app


def _rule(path: str) -> str:
    """A path with its parameters as Powertools writes them: `<name>` for `{name}`."""
    return path.replace("{", "<").replace("}", ">")


def _answering(
    app: APIGatewayRestResolver, route: Route[Any, Any], open_service: Callable[[], SearchService]
) -> Callable[..., Response[str | bytes]]:
    def respond(**path_params: str) -> Response[str | bytes]:
        return _response(answer_request(route, open_service, _request(app, path_params)))

    return respond


def _serving(
    app: APIGatewayRestResolver, static: StaticRoute, open_service: Callable[[], SearchService]
) -> Callable[..., Response[str | bytes]]:
    def respond(**path_params: str) -> Response[str | bytes]:
        return _response(static_answer(static, open_service, _request(app, path_params)))

    return respond


def _request(app: APIGatewayRestResolver, path_params: Mapping[str, str]) -> HttpRequest:
    event = app.current_event
    body = event.body or ""
    context = event["requestContext"]
    query: Mapping[str, Sequence[str]] = event.resolved_query_string_parameters
    return HttpRequest(
        method=event.http_method,
        path=event.path,
        path_params=path_params,
        query=[(name, text) for name, texts in query.items() for text in texts],
        headers={name.lower(): value for name, value in event.headers.items()},
        body=base64.b64decode(body) if event.is_base64_encoded else body.encode(),
        request_id=context["requestId"],
        browser_path=context["path"],
        key_id=(context.get("identity") or {}).get("apiKeyId") or "",
    )


def _response(answer: HttpAnswer) -> Response[str | bytes]:
    headers = dict(answer.headers)
    kind = headers.pop("Content-Type", None)
    # Bytes are sent in base64, which text does not need.
    text = kind is not None and not str(kind).startswith("image/jpeg")
    body = answer.body.decode() if text else answer.body or None
    return Response(answer.status, kind, body, headers=headers)  # type: ignore[arg-type]


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origin=origins[0],
        extra_origins=list(origins[1:]),
        expose_headers=["Retry-After", "X-Request-Id"],
        max_age=PREFLIGHT_S,
    )
