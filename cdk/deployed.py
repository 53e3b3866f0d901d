"""`python -m cdk.deployed STACK`: after a deployment, record what runs, and protect it.

Only now a stack may be protected from being deleted: before it was created once, protection would
keep the CDK from deleting what a failed first deployment left, and from trying again.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from cdk.record import STAGES, format_record, parse_record, record_file
from facesearch.errors import SettingsError

OUTPUT = "Settings"
"""The stack's output that holds the settings to record."""

_FAILED = ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS")
"""A first deployment failed, or was never executed: nothing runs."""


def record(stack: str, client: Any, stages: Path = STAGES) -> str:
    """Record the settings of a deployed stack and protect it; forget a stack that is gone.

    `client` is CloudFormation's, of the stack's region. Returns what was done. Raises
    `SettingsError` when there is nothing to record.
    """
    where = client.meta.region_name
    file = record_file(stack, where, stages)
    found = find_stack(client, stack)
    if found is None:
        if not file.exists():
            raise SettingsError(f"there is no stack {stack} in {where}: deploy it first")
        file.unlink()
        return f"{stack} is gone from {where}: its record is removed; commit that"
    settings = _settings_of(found)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(format_record(settings).encode()) + b"\n")
    done = f"{stack} is recorded in cdk/stages/deployed/{file.name}: commit it"
    if not settings.get("retain"):
        return done
    client.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
    return f"{done}; it is protected from being deleted"


def find_stack(client: Any, stack: str) -> Mapping[str, Any] | None:
    """The stack's description, None without one: asked by name, a missing stack is an error."""
    pages = client.get_paginator("describe_stacks").paginate()
    described = (each for page in pages for each in page["Stacks"])
    return next((each for each in described if each["StackName"] == stack), None)


def _settings_of(found: Mapping[str, Any]) -> Mapping[str, str | int | float | bool]:
    stack, status = found["StackName"], found["StackStatus"]
    if status in _FAILED or not status.endswith("_COMPLETE"):
        raise SettingsError(f"{stack} is {status}: repeat its deployment, or wait for it")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    if OUTPUT not in outputs:
        raise SettingsError(f"{stack} has no output {OUTPUT}: deploy it again with this version")
    return parse_record(outputs[OUTPUT])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cdk.deployed", description=__doc__)
    parser.add_argument("stack", metavar="STACK", help="such as facesearch-prod")
    parser.add_argument("--region", help="another region than the one that AWS's tools use")
    arguments = parser.parse_args()
    try:
        # The CDK's command line goes by AWS_REGION, which boto3 does not read.
        region = arguments.region or os.environ.get("AWS_REGION")
        client = boto3.client("cloudformation", region_name=region)
        print(record(arguments.stack, client))  # noqa: T201
    except (SettingsError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
