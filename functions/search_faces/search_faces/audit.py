"""Who asked for what kind of thing: a line of the log for each request of a known caller."""

from collections.abc import Mapping
from typing import Any


def audit_line(event: Mapping[str, Any], status: int) -> Mapping[str, str | int] | None:
    """The line for an answered event; None where the gateway asked nobody who they are.

    It names the route without what stands in it: no photo, no face, no collection, no address.
    """
    caller = _caller(event["requestContext"])
    if caller is None:
        return None
    return {
        "caller": caller,
        "method": event["httpMethod"],
        "route": event["resource"],
        "status": status,
    }


def _caller(context: Mapping[str, Any]) -> str | None:
    """The key's id (not the key), the signing role, or the user of the pool."""
    identity = context["identity"]
    if key := identity.get("apiKeyId"):
        return f"key:{key}"
    if arn := identity.get("userArn"):
        return str(arn)
    claims = (context.get("authorizer") or {}).get("claims") or {}
    return f"user:{claims['sub']}" if "sub" in claims else None
