"""A synthesised template, asked by type and content: logical ids mean nothing to the tests."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cdk.references import text_of
from cdk.settings import StageSettings

Resource = Mapping[str, Any]

ENDPOINT = "search-faces-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com"
"""What stands for the endpoint of a domain that does not exist yet."""


@dataclass(frozen=True)
class Template:
    """One stack: its settings, the file, and what is in it."""

    settings: StageSettings
    path: Path

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        resources: Mapping[str, Resource] = json.loads(self.path.read_text())["Resources"]
        return resources

    @cached_property
    def outputs(self) -> Mapping[str, Resource]:
        outputs: Mapping[str, Resource] = json.loads(self.path.read_text())["Outputs"]
        return outputs

    def of_type(self, kind: str, **properties: object) -> list[Resource]:
        """Resources of a type, with properties that hold exactly these values."""
        return [
            resource
            for resource in self.resources.values()
            if resource["Type"] == kind
            and all(
                resource.get("Properties", {}).get(name) == value
                for name, value in properties.items()
            )
        ]

    def one(self, kind: str, **properties: object) -> Resource:
        (resource,) = self.of_type(kind, **properties)
        return resource

    def function(self, package: str) -> Resource:
        return self.one("AWS::Lambda::Function", Handler=f"{package}.handler.handler")

    def target(self, reference: Mapping[str, Any]) -> Resource:
        """The resource that a Ref or Fn::GetAtt names."""
        name = reference.get("Ref") or reference["Fn::GetAtt"][0]
        return self.resources[name]

    def text(self, value: object) -> str:
        """A value with its references spoken: `<type>.attribute`, pseudo parameters as examples."""

        def attribute(name: str, of_it: str) -> str:
            if of_it == "DomainEndpoint":
                return ENDPOINT
            return f"<{self.resources[name]['Type']}.{of_it}>"

        return text_of(
            value,
            lambda name: PSEUDO.get(name) or f"<{self.resources[name]['Type']}>",
            attribute,
            imported,
        )

    def statements(self, package: str) -> list[Mapping[str, Any]]:
        """What the role of a function is allowed."""
        role = self.function(package)["Properties"]["Role"]["Fn::GetAtt"][0]
        return [
            statement
            for policy in self.of_type("AWS::IAM::Policy", Roles=[{"Ref": role}])
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    def environment(self, package: str) -> dict[str, str]:
        variables = self.function(package)["Properties"]["Environment"]["Variables"]
        return {name: self.text(value) for name, value in variables.items()}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policy_documents(template: Template) -> Iterator[Mapping[str, Any]]:
    """Every policy in the template, of roles, buckets, queues, topics and logs."""

    def inside(value: Any) -> Iterator[Mapping[str, Any]]:
        match value:
            case {"Statement": list()}:
                yield value
            case {"Fn::Join": _}:
                text = template.text(value)
                if text.startswith('{"Statement"'):
                    yield json.loads(text)
            case dict():
                for each in value.values():
                    yield from inside(each)
            case list():
                for each in value:
                    yield from inside(each)

    for resource in template.resources.values():
        yield from inside(resource.get("Properties", {}))


def imported(name: str) -> str:
    """What another stack exports under a name, as an example."""
    _, _, output = name.rpartition("-")
    return IMPORTS[output]


IMPORTS = {
    "IndexArn": "arn:aws:es:eu-west-1:123456789012:domain/running",
    "IndexEndpoint": "search-running-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com",
    "KeyArn": "arn:aws:kms:eu-west-1:123456789012:key/running",
    "PhotoBucket": "facesearch-prod-photos",
    "SecurityGroupId": "sg-0a1b2c3d4e5f60718",
    "SubnetIds": "subnet-0a1b2c3d4e5f60711,subnet-0a1b2c3d4e5f60712,subnet-0a1b2c3d4e5f60713",
}

PSEUDO = {
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
