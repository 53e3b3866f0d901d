"""Why the contract is declared with msgspec: its cost beside pydantic and the json module."""

import importlib.metadata
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Annotated, Any

import click
import msgspec
from pydantic import BaseModel, ConfigDict, Field

REQUEST = {
    "face_id": "9b1f0c6f0e5d4a7c8b3e2d1c0f9a8b7c-0",
    "k": 50,
    "collection": "wedding",
    "metadata": {"album": "summer"},
    "min_confidence": 0.5,
    "include": ["boxes", "thumbnails"],
}
PACKAGES = {
    "msgspec": ("msgspec",),
    "pydantic": ("pydantic", "pydantic-core", "annotated-types", "typing-inspection"),
}


class MsgspecRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A search in JSON."""

    k: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    collection: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    metadata: dict[str, Annotated[str, msgspec.Meta(min_length=1)]] = {}
    offset: Annotated[int, msgspec.Meta(ge=0, le=9_900)] = 0
    max_distance: Annotated[float, msgspec.Meta(ge=0, le=2)] = 2.0
    min_confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    expand: bool = False
    include: tuple[str, ...] = ("boxes",)
    face_id: str | list[str] | None = None


class PydanticRequest(BaseModel):
    """The same fields."""

    model_config = ConfigDict(extra="forbid", strict=True)
    k: Annotated[int, Field(ge=1, le=100)] = 20
    collection: Annotated[str, Field(min_length=1)] | None = None
    metadata: dict[str, Annotated[str, Field(min_length=1)]] = {}
    offset: Annotated[int, Field(ge=0, le=9_900)] = 0
    max_distance: Annotated[float, Field(ge=0, le=2)] = 2.0
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    expand: bool = False
    include: list[str] = ["boxes"]
    face_id: str | list[str] | None = None


def import_ms(module: str, runs: int) -> float:
    """Processor time of a new process that imports it, beyond that of one that does not."""

    def spent(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000

    return median(spent(f"import {module}") - spent("pass") for _ in range(runs))


def size_mb(packages: tuple[str, ...]) -> float:
    """What was installed, but for byte-code and types."""
    files = [file for name in packages for file in importlib.metadata.files(name) or ()]
    kept = [file for file in files if file.suffix not in (".pyc", ".pyi")]
    return sum(file.locate().stat().st_size for file in kept) / 1e6  # type: ignore[attr-defined]


def microseconds(call: Callable[[], object], times: int) -> float:
    """Of processor time, for one call."""
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times * 1e6


@click.command(
    epilog="Run it from the repository's root: python -m tests.benchmarks.bench_contract"
)
@click.option("--runs", default=9, show_default=True, help="New processes for each import.")
def main(runs: int) -> None:
    """Import, size in the layer, and reading a typical search, of each library."""
    body = json.dumps(REQUEST).encode()
    read: Mapping[str, Callable[[], Any]] = {
        "json": lambda: json.loads(body),
        "msgspec": lambda: msgspec.json.decode(body, type=MsgspecRequest),
        "pydantic": lambda: PydanticRequest.model_validate_json(body),
    }
    click.echo(f"{'':10} {'import ms':>10} {'MB':>6} {'read µs':>8}")
    for name, call in read.items():
        size = size_mb(PACKAGES[name]) if name in PACKAGES else 0.0
        took = microseconds(call, 20_000)
        click.echo(f"{name:10} {import_ms(name, runs):10.1f} {size:6.2f} {took:8.1f}")


if __name__ == "__main__":
    main()
