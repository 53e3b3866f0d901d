"""What the API adds to a search: the handler's time without the pipeline's and the store's own."""

import base64
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from tests.events.loading import Context, load

WARM_UP = 20
BOUNDARY = "frontier"

Event = dict[str, Any]


def events_of(photo: bytes) -> Mapping[str, Event]:
    """The same search in each way to send a photo."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    form = part.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    body = json.dumps({"photo": base64.b64encode(photo).decode()}).encode()
    return {
        "bytes": _event(photo, "image/jpeg"),
        "form": _event(form, f"multipart/form-data; boundary={BOUNDARY}"),
        "json": _event(body, "application/json"),
    }


def _event(body: bytes, content_type: str) -> Event:
    event: Event = load("api_gateway_rest_search")
    event["queryStringParameters"] = event["multiValueQueryStringParameters"] = None
    event["headers"]["Content-Type"] = content_type
    event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return event


class Stopwatch:
    """Adds up how long the functions that it wraps take, by two clocks."""

    def __init__(self) -> None:
        self.spent = np.zeros(2)

    def timing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = now()
            try:
                return function(*args, **kwargs)
            finally:
                self.spent += now() - start

        return timed


def now() -> NDArray[np.float64]:
    """Milliseconds on the wall, and of this thread's processor time: others' work is not in it."""
    return np.array((time.perf_counter(), time.thread_time())) * 1000


@click.command(
    epilog="Example: python -m tests.benchmarks.bench_api_overhead sqlite:///lfw.db PHOTO"
)
@click.argument("store")
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rounds", default=200, show_default=True, help="Searches of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(store: str, photo: Path, rounds: int, as_json: bool) -> None:
    """Search STORE with PHOTO through the Lambda handler, all ways to send it in turns, warm."""
    os.environ |= {
        "FACESEARCH_STORE": store,
        "FACESEARCH_RECIPE": "facenet",
        "FACESEARCH_THREADS": "1",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }
    from search_faces.handler import handler, open_service

    watch, service = Stopwatch(), open_service()
    # The same request's own share is taken off: two runs apart would differ by more than the API.
    service.pipeline.analyse_one = watch.timing(  # type: ignore[method-assign]
        service.pipeline.analyse_one
    )
    service.store.search = watch.timing(service.store.search)  # type: ignore[method-assign]
    events = events_of(photo.read_bytes())
    took: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ("inside", *events)}
    for _ in range(WARM_UP + rounds):
        for name, event in events.items():
            watch.spent, start = np.zeros(2), now()
            answer = handler(event, Context("search_faces"))
            whole = now() - start
            if answer["statusCode"] != 200:
                raise click.ClickException(str(answer["body"]))
            took[name].append(whole - watch.spent)
            took["inside"].append(watch.spent)
    figures = {name: _percentiles(each[-rounds:]) for name, each in took.items()}
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo("what the pipeline and the store take (inside), and what the API adds, in ms:")
    for name, values in figures.items():
        click.echo(
            f"{name:<8}" + "".join(f"{key:>10} {value:6.2f}" for key, value in values.items())
        )


def _percentiles(took: Sequence[NDArray[np.float64]]) -> Mapping[str, float]:
    wall, processor = np.array(took).T
    return {
        f"{clock}_p{share}": round(float(np.percentile(times, share)), 2)
        for clock, times in (("wall", wall), ("cpu", processor))
        for share in (50, 95)
    }


if __name__ == "__main__":
    main()
