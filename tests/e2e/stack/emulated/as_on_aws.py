"""ministack's application, run in its own environment, with some things put as AWS has them.

- S3's sequencers hold the time (see `index_faces.events`); ministack counts events by one, so that
  what is put soon after a deletion is no newer than that.
- IAM knows no actions of SQS's batches: who may do a thing may do ten.
- CloudFormation makes flow logs and single rules of security groups; ministack's EC2 has both, its
  CloudFormation neither. No packet passes there, and none is stopped.
- API Gateway reads its own answers, 429 with `Retry-After` among them, from the API's document.
- API Gateway tells functions the id of the key that a method needs.
- CloudFormation puts a firewall before an API; ministack's WAF knows of it, and stops nothing.
- An environment's log is short. ministack reads it whole after each invocation, and gets slower.
- A bucket that a change set imports is there already, and that is no conflict of names.
"""

import itertools
import time
from contextvars import ContextVar
from hashlib import sha256
from typing import Any

from ministack.core import iam_actions  # type: ignore[import-not-found]
from ministack.services import (  # type: ignore[import-not-found]
    apigateway_v1,
    ec2,
    lambda_svc,
    s3,
    waf,
)
from ministack.services.cloudformation import (  # type: ignore[import-not-found]
    changesets,
    provisioners,
    stacks,
)

s3._event_sequence = ((time.time_ns() << 32) // 1_000_000_000 for _ in itertools.count())

_extract = iam_actions.extract_iam_action


def _extract_iam_action(*arguments: object, **options: object) -> str | None:
    action: str | None = _extract(*arguments, **options)
    return action.removesuffix("Batch") if action and action.startswith("sqs:") else action


iam_actions.extract_iam_action = _extract_iam_action

_build_event = apigateway_v1._build_lambda_event_v1


def _event_with_key(*arguments: Any, **options: Any) -> dict[str, Any]:
    event: dict[str, Any] = _build_event(*arguments, **options)
    resource, method = arguments[3], event["httpMethod"]
    if resource["resourceMethods"][method].get("apiKeyRequired"):
        value = apigateway_v1._api_key_from_request(event["headers"])
        key = apigateway_v1._resolve_api_key(value)
        event["requestContext"]["identity"] |= {"apiKey": value, "apiKeyId": key["id"]}
    return event


apigateway_v1._build_lambda_event_v1 = _event_with_key

_Made = tuple[str, dict[str, str]]
"""What a resource is called, and its attributes. Making it again makes no second one."""


def _log_traffic(logical_id: str, props: dict[str, Any], stack_name: str) -> _Made:
    name = f"fl-{sha256(f'{stack_name} {logical_id} {props}'.encode()).hexdigest()[:17]}"
    ec2._flow_logs[name] = {
        "FlowLogId": name,
        **{key: props[key] for key in ("ResourceId", "ResourceType", "TrafficType")},
        "LogDestinationType": props.get("LogDestinationType", "cloud-watch-logs"),
        "LogDestination": props["LogGroupName"],
        "FlowLogStatus": "ACTIVE",
        "CreationTime": ec2._now_ts(),
    }
    provisioners._ec2_apply_tags(name, props)
    return name, {"Id": name}


def _end_log(physical_id: str, props: dict[str, Any]) -> None:
    ec2._delete_flow_logs({"FlowLogId.1": physical_id})


def _let_in(logical_id: str, props: dict[str, Any], stack_name: str) -> _Made:
    group = props["GroupId"]
    (rule,) = provisioners._ec2_sg_permissions([props])
    rules = ec2._security_groups[group]["IpPermissions"]
    if not any(ec2._rules_match(each, rule) for each in rules):
        rules.append(rule)
    name = ec2._sg_rule_id(group, False, rule)
    return name, {"Id": name}


def _let_in_no_more(physical_id: str, props: dict[str, Any]) -> None:
    if group := ec2._security_groups.get(props["GroupId"]):
        ec2._revoke_sg_rules_by_id(group, props["GroupId"], [physical_id], False)


def _put_before(logical_id: str, props: dict[str, str], stack_name: str) -> _Made:
    status, _, problem = waf._associate_web_acl(props)
    if status != 200:
        raise ValueError(problem)
    return f"{props['WebACLArn']}|{props['ResourceArn']}", {}


def _take_away(physical_id: str, props: dict[str, str]) -> None:
    waf._disassociate_web_acl(props)


provisioners._RESOURCE_HANDLERS |= {
    "AWS::WAFv2::WebACLAssociation": {"create": _put_before, "delete": _take_away},
    "AWS::EC2::FlowLog": {"create": _log_traffic, "delete": _end_log},
    "AWS::EC2::SecurityGroupIngress": {"create": _let_in, "delete": _let_in_no_more},
}

_imported: ContextVar[frozenset[str]] = ContextVar("imported", default=frozenset())
"""The buckets that the deployment takes into its stack."""

_deploy, _validation_errors = stacks._deploy_stack_async, stacks._validation_errors


async def _deploy_importing(
    *arguments: object, imports: dict[str, dict[str, str]] | None = None, **options: object
) -> None:
    names = (name for identifier in (imports or {}).values() for name in identifier.values())
    _imported.set(frozenset(names))
    await _deploy(*arguments, imports=imports, **options)


def _errors_but_of_imported(*arguments: Any) -> object:
    *others, owned_buckets = arguments
    return _validation_errors(*others, owned_buckets | _imported.get())


changesets._deploy_stack_async = _deploy_importing
stacks._validation_errors = _errors_but_of_imported

_import_document = apigateway_v1._import_rest_api


def _import_rest_api(document: dict[str, Any], *arguments: object) -> str:
    api: str = _import_document(document, *arguments)
    responses = document.get("x-amazon-apigateway-gateway-responses", {})
    for kind, response in responses.items():
        apigateway_v1._put_gateway_response(api, kind, response)
    return api


apigateway_v1._import_rest_api = _import_rest_api

_docker_options = lambda_svc._parse_docker_flags


def _docker_options_and_log(flags: str) -> dict[str, Any]:
    log = {"type": "json-file", "config": {"max-size": "256k", "max-file": "2"}}
    return {**_docker_options(flags), "log_config": log}


lambda_svc._parse_docker_flags = _docker_options_and_log

from ministack.app import app  # type: ignore[import-not-found]  # noqa: E402

__all__ = ["app"]
