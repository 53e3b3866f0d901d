"""What so many faces take in OpenSearch: index shapes side by side, against the exact answer.

`--faces 1M` writes the chosen shape and searches it; `--shape` names others, repeatable. The server
is a container with a volume, both called facesearch-scale, which stay: with `--search-only`, the
indexes of an earlier run are searched again. `docker rm --force facesearch-scale` and
`docker volume rm facesearch-scale` take them away. A run that was ended goes on where it was, and
`--faces 3M --extend 1M` adds to a copy of the index of a million, and `--faces 10M --extend 1M
--extend 3M` to a copy of that. Each probe is a new photo of
somebody stored. All shapes answer one probe before the next comes, so that their times can be
compared, whatever else the machine does; processor time is taken of each one alone.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from facesearch.errors import InvalidRequest, SettingsError
from facesearch.planning.capacity import parse_count
from facesearch.planning.hnsw import hnsw_for
from tests.benchmarks.scale.index import ShapedIndex, Stored, Written
from tests.benchmarks.scale.server import start_server
from tests.benchmarks.scale.shapes import SHAPES
from tests.benchmarks.scale.truth import Nearness, Truth, exact_answers, nearness
from tests.benchmarks.synthetic_faces import measured_of_lfw

LEAST_FACES = 1_000
"""With fewer, a probe has no 20 strangers to be told from."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Times are whole calls of `FaceStore.search`, warm, in ms; `engine_cpu_ms` is a search's."""

    ef_search: int
    concurrent: str
    nearness: Nearness
    p50_ms: float
    p95_ms: float
    engine_cpu_ms: float


@dataclass(frozen=True, slots=True)
class ShapeFigures:
    """A row: one shape with so many faces."""

    shape: str
    faces: int
    written: Written | None
    stored: Stored
    searched: list[Searched]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=_size, default="1M", help="how many, as 100k or 1M")
    parser.add_argument("--shape", action="append", choices=SHAPES, help="default: default")
    parser.add_argument("--ef", type=_positive, action="append", help="default: the store's own")
    parser.add_argument("--concurrent", action="append", choices=("none", "auto", "all"))
    parser.add_argument("--probes", type=_positive, default=500)
    parser.add_argument("--search-only", action="store_true", help="indexes of an earlier run")
    parser.add_argument("--server", help="an OpenSearch to spare (default: a container)")
    parser.add_argument("--heap", default="4g", help="of the container, when it is made")
    parser.add_argument(
        "--extend", type=_size, action="append", help="the index of so many faces, as 1M"
    )
    parser.add_argument("--json", type=Path, help="a file to add the rows to")
    arguments = parser.parse_args()
    faces, earlier = arguments.faces, arguments.extend or []
    if any(less >= more for less, more in pairwise((*earlier, faces))):
        parser.error("--extend: name ever larger sizes, all of fewer than --faces")
    if arguments.json and not arguments.json.parent.is_dir():
        parser.error(f"--json {arguments.json}: there is no such folder")
    server = arguments.server or start_server(arguments.heap)
    names = arguments.shape or ["default"]
    try:
        indexes = [ShapedIndex(server, name, SHAPES[name], faces, earlier) for name in names]
    except SettingsError as error:
        parser.error(f"--server: {error}")
    written: dict[str, Written | None] = {}
    for index in indexes:
        if not arguments.search_only:
            index.write()
        elif not index.exists():
            parser.error(f"there is no index of {faces:,} faces in shape {index.name}")
        written[index.name] = index.written()
    start = time.monotonic()
    stream = indexes[0].stream
    truth = exact_answers(stream.probes(arguments.probes), stream)
    print(f"exact answers: {time.monotonic() - start:,.0f} s", flush=True)
    print(
        f"{faces:,} faces, {arguments.probes} probes; local dimension {truth.dimension:.1f} "
        f"(LFW, 5,749 people: {measured_of_lfw().dimension:.1f})"
    )
    modes = arguments.concurrent or [""]
    start = time.monotonic()
    searched = _search(indexes, truth, arguments.ef, modes)
    print(f"searches: {time.monotonic() - start:,.0f} s", flush=True)
    rows = [
        ShapeFigures(each.name, faces, written[each.name], each.stored(), searched[each.name])
        for each in indexes
    ]
    for row in rows:
        _print(row)
    if arguments.json:
        _add(arguments.json, rows, truth)


def _size(text: str) -> int:
    """A number of faces."""
    try:
        faces = int(parse_count(text))
    except InvalidRequest as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if faces < LEAST_FACES:
        raise argparse.ArgumentTypeError(f"{faces:,} faces are too few: use {LEAST_FACES:,}")
    return faces


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of 1 or more")
    return int(text)


def _search(
    indexes: Sequence[ShapedIndex], truth: Truth, efs: Sequence[int] | None, modes: Sequence[str]
) -> dict[str, list[Searched]]:
    results: dict[str, list[Searched]] = {index.name: [] for index in indexes}
    probes = truth.probes.embeddings
    for mode in modes:
        ways = []
        for index in indexes:
            if mode:
                index.set({"search.concurrent_segment_search.mode": mode})
            for ef in efs or [hnsw_for(index.faces_in_shard).ef_search]:
                ways.append((index, ef, index.searcher(ef)))
        cpu_ms = []
        for index, _, search in ways:
            # The first round warms the engine: it compiles what it runs often, at first.
            for probe in probes:
                search(probe)
            before = index.engine_cpu_s()
            for probe in probes:
                search(probe)
            cpu_ms.append((index.engine_cpu_s() - before) * 1e3 / len(probes))
        times = np.empty((len(ways), len(probes)))
        answers: list[list[Sequence[float]]] = [[] for _ in ways]
        for number, probe in enumerate(probes):
            for way, (_, _, search) in enumerate(ways):
                start = time.perf_counter()
                answer = search(probe)
                times[way, number] = time.perf_counter() - start
                answers[way].append(answer)
        for (index, ef, search), taken, found, cpu in zip(
            ways, times, answers, cpu_ms, strict=True
        ):
            p50, p95 = np.quantile(taken, [0.5, 0.95]) * 1e3
            results[index.name].append(
                Searched(ef, mode, nearness(truth, found), float(p50), float(p95), cpu)
            )
            search.close()
    return results


def _print(row: ShapeFigures) -> None:
    print(
        f"{row.shape}: {row.stored.segments} segments, {row.stored.disk_bytes:,.0f} bytes a face "
        f"on disk, {row.stored.vector_bytes + row.stored.graph_bytes:,.0f} of them searched"
    )
    if row.written:
        rate = row.written.faces / row.written.seconds
        cpu = row.written.engine_cpu_s / row.written.faces * 1e6
        print(f"  written {rate:,.0f}/s, engine {cpu:,.0f} µs of processor a face")
    for each in row.searched:
        near = each.nearness
        print(
            f"  ef {each.ef_search:>5} {each.concurrent:>5}: same person {near.same_person:.4f} of "
            f"{near.same_person_faces:,}, ratio {near.ratio:.4f} (99 %: {near.ratio_99:.4f}), "
            f"recall@20 {near.recall:.4f}, p50 {each.p50_ms:.1f} ms, p95 {each.p95_ms:.1f} ms, "
            f"engine {each.engine_cpu_ms:.1f} ms"
        )


def _add(path: Path, rows: Sequence[ShapeFigures], truth: Truth) -> None:
    kept: list[Any] = json.loads(path.read_text()) if path.exists() else []
    day = time.strftime("%Y-%m-%d")
    more = {"day": day, "probes": len(truth.probes.people), "dimension": truth.dimension}
    kept += [{**asdict(row), **more} for row in rows]
    path.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
