"""Whether a resource's policy lets a request through, decided as IAM does: deny wins, then allow.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.infrastructure.template import Resource, Template, as_list


@dataclass(frozen=True)
class Request:
    """Who asks for what; `context` holds condition keys, as strings."""

    principal: str
    """A service's name, or an ARN."""
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def lets_through(template: Template, policies: list[Resource], request: Request) -> bool:
    """Whether these policies together allow the request."""
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if _applies(template, statement, request)
    }
    return effects == {"Allow"}


def _applies(template: Template, statement: Mapping[str, Any], request: Request) -> bool:
    def named(key: str) -> list[str]:
        return [template.text(each) for each in as_list(statement[key])]

    return (
        any(fnmatchcase(request.principal, each) for each in _principals(template, statement))
        and any(fnmatchcase(request.action, each) for each in named("Action"))
        and any(fnmatchcase(request.resource, each) for each in named("Resource"))
        and all(_holds(template, *each, request.context) for each in _conditions(statement))
    )


def _principals(template: Template, statement: Mapping[str, Any]) -> list[str]:
    principal = statement["Principal"]
    if principal == "*":
        return ["*"]
    return [template.text(each) for kind in principal.values() for each in as_list(kind)]


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any]]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, as_list(values)


def _holds(
    template: Template, operator: str, key: str, values: list[Any], context: Mapping[str, str]
) -> bool:
    """A key that the request lacks fulfils no condition (of those without `IfExists`)."""
    given = context.get(key)
    if given is None:
        return False
    wanted = [template.text(value) for value in values]
    match operator:
        case "StringEquals" | "ArnEquals" | "Bool":
            return given in wanted
        case "StringLike" | "ArnLike":
            return any(fnmatchcase(given, each) for each in wanted)
    raise NotImplementedError(operator)
