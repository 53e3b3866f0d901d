"""`facesearch reembed`: have AWS embed all photos again, from outside of its network."""

import json
import time
from typing import Any

import click

from facesearch.errors import InvalidRequest, ReadError
from facesearch_local.cli.asking import can_ask
from facesearch_local.cli.aws import open_lambda, translate_aws_errors
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option
from facesearch_local.cli.output import print_json
from facesearch_local.cli.progress import show_progress
from facesearch_local.counting import counted, counted_are
from facesearch_local.planning.reembedding import Estimate, estimate

POLL_S = 10.0

State = dict[str, Any]
"""What the function answers: phase, photos, done, old, new, waiting, and its own size."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch reembed facesearch-prod-reembedding
  facesearch reembed facesearch-prod-reembedding --status --json
  facesearch reembed facesearch-prod-reembedding --drop-old""",
)
@click.argument("function")
@click.option("--status", "only_status", is_flag=True, help="Only tell how far it is.")
@click.option("--yes", "-y", is_flag=True, help="Begin without asking.")
@click.option("--drop-old", is_flag=True, help="Delete the indexes that have been replaced.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *, function: str, only_status: bool, yes: bool, drop_old: bool, as_json: bool, quiet: bool
) -> None:
    """Have all photos embedded again with the models of FUNCTION, then change over.

    FUNCTION is the name of the stack that `cdk deploy -c reembedding=N` makes. It is asked through
    Lambda's API, so no way to the index is needed. Searches, uploads and deletions go on meanwhile.
    This command only begins it and shows its progress: it may be ended, and started again.
    """
    client = open_lambda()
    if drop_old:
        _report_dropped(_ask(client, function, "drop-old"), as_json=as_json)
        return
    state = _ask(client, function, "state")
    if not only_status and state["phase"] == "idle":
        _check_wanted(_estimate(state), yes=yes, as_json=as_json)
        state = _ask(client, function, "begin")
    if not only_status:
        state = _follow(client, function, state, quiet=quiet or as_json)
    _report(state, as_json=as_json)


def _check_wanted(expected: Estimate, *, yes: bool, as_json: bool) -> None:
    if not as_json:
        click.echo(_told(expected), err=True)
    if yes:
        return
    if not can_ask(as_json=as_json):
        raise InvalidRequest("nobody can be asked whether to begin: add --yes")
    click.confirm("Begin?", abort=True, err=True)


def _follow(client: Any, function: str, state: State, *, quiet: bool) -> State:
    shown = 0
    with show_progress("Embedding", "photos", state["photos"], quiet=quiet) as advance:
        while state["phase"] == "running":
            advance(max(state["done"] - shown, 0))
            shown = max(state["done"], shown)
            time.sleep(POLL_S)
            state = _ask(client, function, "state")
    return state


def _ask(client: Any, function: str, what: str) -> State:
    with translate_aws_errors():
        answer = client.invoke(FunctionName=function, Payload=json.dumps({"reembed": what}))
        payload: State = json.loads(answer["Payload"].read() or "null") or {}
    if "FunctionError" in answer:
        raise ReadError(f"function {function} failed: see its log")
    if "error" in payload:
        raise ReadError(str(payload["reason"]))
    if not payload:
        raise ReadError(f"function {function} does not embed photos again: name another")
    return payload


def _estimate(state: State) -> Estimate:
    return estimate(
        state["photos"] - state["done"],
        threads=state["threads"],
        memory_mb=state["memory_mb"],
        concurrency=state["concurrency"],
    )


def _told(expected: Estimate) -> str:
    return (
        f"{counted(expected.photos, 'photo')}: about {expected.lambda_s:,.0f} seconds of Lambda, "
        f"{expected.hours:,.1f} hours, {expected.usd:,.2f} US dollars "
        "(photos of 12 megapixels, list prices in us-east-1)"
    )


def _report(state: State, *, as_json: bool) -> None:
    left = _estimate(state)
    if as_json:
        print_json(
            {
                "phase": state["phase"],
                "photos": state["photos"],
                "done": state["done"],
                "waiting": state["waiting"],
                "old": state["old"],
                "new": state["new"],
                "left": {
                    "photos": left.photos,
                    "lambda_s": round(left.lambda_s),
                    "hours": round(left.hours, 2),
                    "usd": round(left.usd, 2),
                },
            }
        )
        return
    if state["phase"] == "done":
        click.echo(f"{counted_are(state['photos'], 'photo')} in {state['new']} now.")
        return
    if state["phase"] == "running":
        click.echo(
            f"{state['done']:,} of {counted(state['photos'], 'photo')} in {state['new']}; "
            f"{counted(state['waiting'], 'message')} in the queue"
        )
    click.echo(f"Left: {_told(left)}")


def _report_dropped(answer: State, *, as_json: bool) -> None:
    if as_json:
        print_json({"dropped": answer["dropped"]})
        return
    for name in answer["dropped"]:
        click.echo(f"{name} is deleted.")
