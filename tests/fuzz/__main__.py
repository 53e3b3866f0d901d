"""Run mutated inputs for longer: `python -m tests.fuzz --seconds 600 --json`.

With atheris installed, `--guided TARGET` lets coverage choose the mutations. A failing input is
kept in `tests/fuzz/failures/TARGET/`, where a test reads it from then on.
"""

import hashlib
import json
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import click

from tests.fuzz.mutations import mutate
from tests.last_runs import product, record

if "--guided" in sys.argv:
    import atheris

    # Coverage is seen in what is imported here; all of it would take minutes.
    with atheris.instrument_imports(
        include=["facesearch", "search_faces", "index_faces", "multipart", "PIL"]
    ):
        from tests.fuzz.targets import TARGETS
else:
    from tests.fuzz.targets import TARGETS

FAILURES = Path(__file__).parent / "failures"
LAST_RUN = Path(__file__).with_name("LAST_RUN.md")


@click.command()
@click.option("--target", "names", type=click.Choice(sorted(TARGETS)), multiple=True)
@click.option("--seconds", default=60.0, show_default=True, help="For each target.")
@click.option("--first", default=0, show_default=True, help="The number of the first mutation.")
@click.option("--guided", is_flag=True, help="By coverage; needs atheris and one --target.")
@click.option("--json", "as_json", is_flag=True)
@click.option(
    "--record", "recorded", is_flag=True, help="Write it to LAST_RUN.md, and commit that."
)
def main(
    names: tuple[str, ...],
    *,
    seconds: float,
    first: int,
    guided: bool,
    as_json: bool,
    recorded: bool,
) -> None:
    """Throw mutated inputs at what parses them."""
    if guided:
        _guided(names[0], seconds)
        return
    tried = product()
    results = {name: _run(name, seconds, first) for name in names or sorted(TARGETS)}
    if as_json:
        day = datetime.now(tz=UTC).date().isoformat()
        print(json.dumps({"date": day, "first": first, "targets": results}))
    if recorded:
        for name, result in results.items():
            counts = {key: f"{value:,}" for key, value in result.items()}
            record(LAST_RUN, {"target": name, "product at": tried, "first": str(first), **counts})
    sys.exit(any(result["failures"] for result in results.values()))


def _run(name: str, seconds: float, first: int) -> dict[str, float]:
    target = TARGETS[name]
    seeds = target.seeds()
    started = told = time.monotonic()
    number, failures, slowest = first, 0, 0.0
    while time.monotonic() - started < seconds:
        data = mutate(seeds, number)
        before = time.process_time()
        try:
            target.run(data)
        except Exception:  # noqa: BLE001 (that is what is looked for)
            failures += 1
            print(f"{name} {number}: kept in {_keep(name, data)}", file=sys.stderr)
            traceback.print_exc()
        slowest = max(slowest, time.process_time() - before)
        number += 1
        if time.monotonic() - told > 5:
            told = time.monotonic()
            print(f"{name}: {number - first:,} inputs, {failures} failures", file=sys.stderr)
    return {"inputs": number - first, "failures": failures, "slowest_ms": round(slowest * 1000, 1)}


def _keep(name: str, data: bytes) -> Path:
    place = FAILURES / name / hashlib.sha256(data).hexdigest()[:16]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def _guided(name: str, seconds: float) -> None:
    target = TARGETS[name]
    corpus = FAILURES.parent / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except Exception:
            _keep(name, data)
            raise

    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}", str(corpus)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
