"""Exceptions to the security rules of cdk-nag, which the tests check, each with its reason."""

from collections.abc import Sequence

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from cdk.references import text_of

_PACK = "AwsSolutions"


def justify(construct: IConstruct, rules: Sequence[str], reason: str) -> None:
    """Let the construct and its parts break the rules, such as `OS9` or `IAM4[Policy::…]`."""
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=f"{_PACK}::{_PACK}-{rule}", reason=reason) for rule in rules)
    )


def justify_wildcards(construct: IConstruct, resources: Sequence[str], reason: str) -> None:
    """Let the construct's policies name these resources, which hold a `*`."""
    stack = Stack.of(construct)
    rules = [f"IAM5[Resource::{_in_findings(stack.resolve(resource))}]" for resource in resources]
    justify(construct, [rule for rule in rules if "*" in rule], reason)


def _in_findings(value: object) -> str:
    """A resolved token as the rules' findings write it: <LogicalId.Attribute>."""
    return text_of(value, lambda name: f"<{name}>", lambda name, of_it: f"<{name}.{of_it}>")
