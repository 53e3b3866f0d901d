"""Whether a request is allowed in the account that a template makes, decided as IAM does.

A denial wins. Else a role needs its own policy or the resource's, a service the resource's. A key
must name the role, or leave the decision to the account's policies. An endpoint of the network
lets through what its own policy allows, too.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cdk.references import text_of
from cdk.settings import DOMAIN_ENDPOINT
from tests.infrastructure.template import ENDPOINT, PSEUDO, Template, as_list, imported

Statement = Mapping[str, Any]

ACCOUNT, REGION = PSEUDO["AWS::AccountId"], PSEUDO["AWS::Region"]
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ELSEWHERE = "999999999999"
"""Another account."""

_HERE = f"{REGION}:{ACCOUNT}"
_ARNS = {
    "AWS::ApiGateway::RestApi": f"arn:aws:execute-api:{_HERE}:{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::KMS::Key": f"arn:aws:kms:{_HERE}:key/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{{}}:*",
    "AWS::OpenSearchService::Domain": f"arn:aws:es:{_HERE}:domain/{{}}",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:{{}}",
}
_NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::OpenSearchService::Domain": "DomainName",
}
_OWNERS = {
    "AWS::S3::BucketPolicy": "Bucket",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::SQS::QueuePolicy": "Queues",
}
# Of a function, the name; but names and ARNs of functions stand for one another.
_REF_IS_ARN = {
    "AWS::Lambda::Alias",
    "AWS::Lambda::Function",
    "AWS::Lambda::Version",
    "AWS::SNS::Topic",
}


@dataclass(frozen=True)
class Request:
    """Who asks for what; `context` holds condition keys, `through` the network's endpoint."""

    principal: str
    """A service's name, or an ARN."""
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    through: str = ""
    """The logical id of the endpoint that the request takes out of the network."""


@dataclass(frozen=True)
class Policy:
    """Statements, and whose they are: a role's (`principal`), or a resource's (`resource`)."""

    statements: tuple[Statement, ...]
    principal: str = ""
    resource: str = ""
    endpoint: str = ""

    def guards(self, resource: str) -> bool:
        """Whether it is the policy of this resource, or of what this resource is in."""
        whole = self.resource
        return bool(whole) and (resource == whole or resource.startswith(f"{whole}/"))


class Account:
    """The template's resources, each under an ARN of its own, and all their policies."""

    def __init__(self, template: Template) -> None:
        self.template = template

    def arn(self, logical_id: str) -> str:
        """The ARN of a resource, as its service writes it."""
        resource = self.template.resources[logical_id]
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::Lambda::Alias":
            return f"{self.text(properties['FunctionName'])}:{properties['Name']}"
        if kind == "AWS::Lambda::Version":
            return f"{self.text(properties['FunctionName'])}:1"
        return _ARNS[kind].format(self.name(logical_id))

    def name(self, logical_id: str) -> str:
        """The name of a resource: its own, or one made of the logical id."""
        resource = self.template.resources[logical_id]
        given = resource.get("Properties", {}).get(_NAMES.get(resource["Type"], ""))
        return self.text(given) if given else logical_id.lower()

    def text(self, value: object) -> str:
        """A property as text."""
        return text_of(value, self._ref, self._attribute, imported)

    def _ref(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        kind = self.template.resources[name]["Type"]
        return self.arn(name) if kind in _REF_IS_ARN else self.name(name)

    def _attribute(self, name: str, of_it: str) -> str:
        if of_it in ("Arn", "TopicArn"):
            return self.arn(name)
        if of_it == "DomainEndpoint":
            return ENDPOINT
        return f"<{name}.{of_it}>"

    def id_of(self, kind: str, **properties: object) -> str:
        """The logical id of the one resource of a type with these properties."""
        wanted = self.template.one(kind, **properties)
        (name,) = (name for name, each in self.template.resources.items() if each is wanted)
        return name

    def role_of(self, package: str) -> str:
        """The ARN of the role that a function runs as."""
        return self.text(self.template.function(package)["Properties"]["Role"])

    def allows(self, request: Request) -> bool:
        """Whether the request is let through."""
        if request.through and not self.passes(request):
            return False
        own = self._effects(request, [p for p in self.policies if p.principal == request.principal])
        guarding = [p for p in self.policies if p.guards(request.resource)]
        of_resource = self._effects(request, guarding)
        if "Deny" in own | of_resource:
            return False
        if ":kms:" in request.resource:
            asked = Request(ROOT, request.action, request.resource, request.context)
            left = "Allow" in self._effects(asked, guarding)
            return "Allow" in of_resource or (left and "Allow" in own)
        return "Allow" in own | of_resource

    def passes(self, request: Request) -> bool:
        """Whether the endpoint that the request goes through lets it."""
        at = [p for p in self.policies if p.endpoint == request.through]
        return self._effects(request, at) == {"Allow"}

    def _effects(self, request: Request, policies: list[Policy]) -> set[str]:
        return {
            statement["Effect"]
            for policy in policies
            for statement in policy.statements
            if self.applies(statement, request)
        }

    def applies(self, statement: Statement, request: Request) -> bool:
        """Whether a statement is about this request."""
        unknown = {"NotAction", "NotPrincipal", "NotResource"} & set(statement)
        if unknown:
            raise NotImplementedError(f"no policy here has {unknown}")
        return (
            self._is_principal(statement, request.principal)
            and _any_like(request.action.lower(), [a.lower() for a in as_list(statement["Action"])])
            and (
                "Resource" not in statement
                or _any_like(request.resource, map(self.text, as_list(statement["Resource"])))
            )
            and all(
                self._holds(operator, key, as_list(values), request.context)
                for operator, keys in statement.get("Condition", {}).items()
                for key, values in keys.items()
            )
        )

    def leaves_to_account(self, statement: Statement) -> bool:
        """Whether it lets nobody do anything, but the account's own policies decide."""
        return ROOT in self._principals(statement)

    def _is_principal(self, statement: Statement, principal: str) -> bool:
        texts = self._principals(statement)
        return "*" in texts or principal in texts

    def _principals(self, statement: Statement) -> list[str]:
        named = statement.get("Principal", "*")
        if isinstance(named, str):
            return [named]
        return [self.text(each) for kind in named.values() for each in as_list(kind)]

    def _holds(
        self, operator: str, key: str, values: list[Any], context: Mapping[str, str]
    ) -> bool:
        """A key that the request lacks fulfils no condition (of those without `IfExists`)."""
        given = context.get(key)
        if given is None:
            return operator.endswith("IfExists")
        wanted = [self.text(value) for value in values]
        match operator.removesuffix("IfExists"):
            case "StringEquals" | "Bool":
                return given in wanted
            case "StringNotEquals":
                return given not in wanted
            case "StringLike" | "ArnLike" | "ArnEquals":
                return _any_like(given, wanted)
        raise NotImplementedError(operator)

    @cached_property
    def policies(self) -> list[Policy]:
        """Every policy of the template."""
        return [
            policy
            for name, resource in self.template.resources.items()
            for policy in self._policies(name, resource["Type"], resource.get("Properties", {}))
        ]

    def _policies(self, name: str, kind: str, properties: Mapping[str, Any]) -> Iterator[Policy]:
        match kind:
            case "AWS::IAM::Policy":
                for role in properties["Roles"]:
                    yield Policy(_statements(properties), principal=self.arn(role["Ref"]))
            case "AWS::IAM::ManagedPolicy":
                yield Policy(_statements(properties), principal=_holder(name))
            case "AWS::IAM::Role":
                assert "Policies" not in properties
                trust = _statements(properties, "AssumeRolePolicyDocument")
                yield Policy(trust, resource=self.arn(name))
            case "AWS::S3::BucketPolicy" | "AWS::SQS::QueuePolicy" | "AWS::SNS::TopicPolicy":
                for owner in as_list(properties[_OWNERS[kind]]):
                    yield Policy(_statements(properties), resource=self.arn(owner["Ref"]))
            case "AWS::KMS::Key":
                yield Policy(_statements(properties, "KeyPolicy"), resource=self.arn(name))
            case "AWS::Lambda::Permission":
                yield self._permission(properties)
            case "AWS::Logs::ResourcePolicy":
                statements = tuple(json.loads(self.text(properties["PolicyDocument"]))["Statement"])
                for group in {self.text(each["Resource"]) for each in statements}:
                    yield Policy(statements, resource=group)
            case "AWS::EC2::VPCEndpoint":
                # Without a policy of its own, an endpoint lets everything through.
                document = properties.get("PolicyDocument", {"Statement": [_EVERYTHING]})
                yield Policy(tuple(document["Statement"]), endpoint=name)

    def _permission(self, properties: Mapping[str, Any]) -> Policy:
        """The policy of a function to which Lambda adds this permission."""
        conditions: dict[str, Any] = {}
        if "SourceArn" in properties:
            conditions["ArnLike"] = {"aws:SourceArn": properties["SourceArn"]}
        if "SourceAccount" in properties:
            conditions["StringEquals"] = {"aws:SourceAccount": properties["SourceAccount"]}
        function = self.text(properties["FunctionName"])
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": properties["Principal"]},
            "Action": properties["Action"],
            "Resource": function,
            "Condition": conditions,
        }
        return Policy((statement,), resource=function)

    def operator(self) -> str:
        """The role that the operators' policy is attached to."""
        return _holder(self.id_of("AWS::IAM::ManagedPolicy"))

    def domain(self) -> str:
        """The ARN of the index's domain: the template's, or the one that its settings name."""
        for name, resource in self.template.resources.items():
            if resource["Type"] == "AWS::OpenSearchService::Domain":
                return self.arn(name)
        found = DOMAIN_ENDPOINT.fullmatch(self.template.settings.domain_endpoint)
        assert found
        return f"arn:aws:es:{found['region']}:{ACCOUNT}:domain/{found['name']}"


def to_index(account: Account, principal: str, method: str, path: str) -> Request:
    """A signed request to the index's domain."""
    action = f"es:ESHttp{method.capitalize()}"
    return Request(principal, action, account.domain() + path)


def _holder(managed_policy: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/holder-of-{managed_policy.lower()}"


_EVERYTHING: Statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def _statements(
    properties: Mapping[str, Any], document: str = "PolicyDocument"
) -> tuple[Statement, ...]:
    return tuple(properties[document]["Statement"])


def _any_like(text: str, patterns: Any) -> bool:
    """Whether one of IAM's patterns fits: * for any text, ? for a character, the rest itself."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text)
        for pattern in patterns
    )
