"""`facesearch plan`: the sizes and the monthly costs of a system on AWS."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import click

from facesearch.faces import EMBEDDING_SIZE
from facesearch.planning.capacity import (
    COMPRESSIONS,
    DAY_S,
    DISK_BYTES_A_FACE,
    FACES_A_PHOTO,
    FACES_WRITTEN_A_VCPU_S,
    FREE_SHARE,
    INDEXES,
    INGEST_PEAK,
    LINUX_SHARE,
    MIN_FACES,
    NODE_LOAD,
    PHOTO_CPU_S,
    REDUNDANCY,
    SEARCH_PEAK,
    SEARCH_S,
    SERVICE_MOST_GIB,
    SERVICE_SHARE,
    SMALL_FACES,
    UNMERGED,
    Sizing,
    Workload,
    parse_count,
    search_cpu_s,
    size,
    stage_for,
    vector_bytes,
)
from facesearch.planning.hnsw import MOST_FACES_IN_SHARD, hnsw_for
from facesearch.planning.nodes import MANAGERS
from facesearch.planning.one_file import MANY_FACES, MS_A_MILLION
from facesearch.recipes.finding import DEFAULT_RECIPE, built_in
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, model_settings, recipe_option
from facesearch_local.cli.output import print_json, print_note
from facesearch_local.planning.costs import (
    FEATURES,
    PHOTO_GB,
    PHOTO_STORAGE,
    PRICES_OF,
    CostLine,
    monthly_costs,
    with_prices,
)

YEAR_DAYS = 365

BASIS = (
    f"Measured (two shared cores, up to {MOST_FACES_IN_SHARD:,} faces in a shard, as ten million "
    "in one are not found as well): at most "
    f"{DISK_BYTES_A_FACE:,} bytes of disk a face, merged; {vector_bytes():g} bytes of memory a "
    f"vector (HNSW, m 16; {vector_bytes('4x'):g} with compression 4x); "
    f"{search_cpu_s(MIN_FACES) * 1e3:.1f} to {search_cpu_s(MOST_FACES_IN_SHARD) * 1e3:.1f} ms of a "
    "vCPU for a search in one shard; "
    f"{FACES_WRITTEN_A_VCPU_S} faces written a second and vCPU.",
    f"Measured in an SQLite file on one machine: {MS_A_MILLION} ms of a processor a search for a "
    f"million faces, growing with them: from {MANY_FACES:,} on OpenSearch is the better store.",
    f"Published: 30 GB a shard; of a disk, Linux keeps {LINUX_SHARE:.0%} and the service "
    f"{SERVICE_SHARE:.0%} of the rest, at most {SERVICE_MOST_GIB} GiB.",
    "Extrapolated: many shards from one; from measurements in the Lambda image, "
    f"{PHOTO_CPU_S:g} s to index a 12-megapixel photo, {SEARCH_S:g} s to search with one.",
    f"Assumed: {FACES_A_PHOTO:g} faces a photo of {PHOTO_GB * 1000:g} MB; peaks of {INGEST_PEAK} "
    f"times the uploads and {SEARCH_PEAK} times the searches; processors at most "
    f"{NODE_LOAD:.0%} busy; disks for {INDEXES} indexes, {UNMERGED - 1:.0%} of them not merged "
    f"yet, and {FREE_SHARE:.0%} free.",
)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch plan --faces 100M --searches 50
  facesearch plan --faces 100k --searches 1 --stage dev
  facesearch plan --faces 1B --searches 200 --price r7g.12xlarge.search=2.77
  facesearch plan --faces 10M --searches 5 --json | jq .usd_a_month""",
)
@click.option("--faces", required=True, metavar="N", help="Faces stored at most: 10k to 1B.")
@click.option("--searches", required=True, metavar="N", help="Searches a second, sustained.")
@click.option("--photos", metavar="N", help="Photos uploaded a day (default: all within a year).")
@click.option(
    "--stage",
    type=click.Choice(list(REDUNDANCY)),
    help="dev is one node; small goes on after a lost zone once AWS has replaced the node; prod "
    f"goes on at once. Default: small for up to {SMALL_FACES:,} faces, else prod.",
)
@click.option(
    "--compression",
    type=click.Choice(list(COMPRESSIONS)),
    default="1x",
    show_default=True,
    help="4x keeps a quarter of each vector in memory.",
)
@recipe_option
@click.option(
    "--photo-storage",
    type=click.Choice(PHOTO_STORAGE),
    default=PHOTO_STORAGE[0],
    show_default=True,
    help="S3's class for photos.",
)
@click.option(
    "--price",
    "changes",
    metavar="NAME=USD",
    multiple=True,
    help="Another unit price, by the name in the table.",
)
@json_option
def command(
    *,
    faces: str,
    searches: str,
    photos: str | None,
    stage: str | None,
    compression: str,
    recipe: str | None,
    photo_storage: str,
    changes: Sequence[str],
    as_json: bool,
) -> None:
    """What a system of some size needs on AWS, and what that costs a month.

    The stack is sized by the same formulas, from the same numbers in cdk/stages.
    """
    stored = int(parse_count(faces))
    a_day = parse_count(photos) if photos else max(stored / FACES_A_PHOTO / YEAR_DAYS, 1)
    chosen = model_settings(recipe).recipe or built_in(DEFAULT_RECIPE)
    dimension = chosen.description.network.dimension
    workload = Workload(stored, parse_count(searches), int(a_day), dimension)
    prices = with_prices(dict(map(_price, changes)))
    stage = stage or stage_for(workload)
    sizing = size(workload, REDUNDANCY[stage], compression)
    features = replace(FEATURES[stage], photo_storage=photo_storage)
    lines = monthly_costs(workload, sizing, prices, features)
    if as_json:
        _print_json(workload, sizing, lines, stage)
    else:
        _print_plan(workload, sizing, lines, stage, compression)


def _price(text: str) -> tuple[str, float]:
    name, _, usd = text.partition("=")
    try:
        return name, float(usd)
    except ValueError as error:
        raise click.BadParameter(
            f"'{text}' is not a name and US dollars: use opensearch-gp3=0.14.",
            param_hint="'--price'",
        ) from error


def _print_json(workload: Workload, sizing: Sizing, lines: Sequence[CostLine], stage: str) -> None:
    print_json(
        {
            "stage": stage,
            "workload": asdict(workload),
            "sizing": asdict(sizing),
            "shard": _searched(sizing),
            "costs": [{**asdict(line), "usd": round(line.usd, 2)} for line in lines],
            "notes": _notes(workload),
            "usd_a_month": round(sum(line.usd for line in lines), 2),
        }
    )


def _print_plan(
    workload: Workload, sizing: Sizing, lines: Sequence[CostLine], stage: str, compression: str
) -> None:
    click.echo(
        f"{workload.faces:,} faces, {workload.searches_a_second:g} searches a second, "
        f"{workload.photos_a_day:,} photos a day; stage {stage}\n"
    )
    for part, text in _sizes(workload, sizing, compression):
        click.echo(f"{part:<10}{text}")
    click.echo()
    for row in _table(lines):
        click.echo(row)
    click.echo(f"\nPrices: {PRICES_OF}; without data transfer.")
    for line in BASIS:
        click.echo(line)
    for note in _notes(workload):
        print_note(note)


def _searched(sizing: Sizing) -> dict[str, float]:
    """How each shard of the index is built and searched."""
    faces = sizing.index.faces_in_shard
    return {**asdict(hnsw_for(faces)), "vcpu_ms": round(search_cpu_s(faces) * 1e3, 1)}


def _notes(workload: Workload) -> list[str]:
    """What this plan cannot stand on."""
    if workload.dimension <= EMBEDDING_SIZE:
        return []
    return [
        f"processor time of a search was measured with {EMBEDDING_SIZE} numbers a face only: with "
        f"{workload.dimension:,} it is more, and the nodes may be too small; memory and disk are "
        "computed for them"
    ]


def _sizes(workload: Workload, sizing: Sizing, compression: str) -> list[tuple[str, str]]:
    index, ingestion, search = sizing.index, sizing.ingestion, sizing.search
    uploads = workload.photos_a_day / DAY_S * INGEST_PEAK
    managers = f", {MANAGERS} {index.manager.name} to manage" if index.manager else ""
    memory_gb = workload.faces * vector_bytes(compression, workload.dimension) / 1e9
    shard = _searched(sizing)
    return [
        ("index", f"{index.nodes} {index.node.name} in {index.zones} zone(s){managers}"),
        (
            "",
            f"{index.disk_gib:,} GiB gp3 a node; {index.shards} shard(s), {index.replicas} "
            f"replica(s); {memory_gb:,.1f} GB of vectors a copy",
        ),
        (
            "",
            f"HNSW with m {shard['m']}, ef_construction {shard['ef_construction']}, ef_search "
            f"{shard['ef_search']}; a search takes {shard['vcpu_ms']} ms of a vCPU in each shard",
        ),
        (
            "indexing",
            f"{ingestion.memory_mb:,} MB, {ingestion.concurrency} at once, batches of "
            f"{ingestion.batch_size}; peak {uploads:,.1f} photos/s",
        ),
        (
            "search",
            f"{search.memory_mb:,} MB, {search.concurrency} at once; throttled at "
            f"{search.rate_limit:,} requests/s, bursts of {search.burst_limit:,}",
        ),
    ]


def _table(lines: Sequence[CostLine]) -> list[str]:
    rows = [("USD a month", "for", "quantity", "unit", "unit price", "price name")]
    rows += [
        (
            f"{line.usd:,.2f}",
            line.what,
            f"{line.quantity:,.1f}",
            line.price.unit,
            f"{line.price.usd:.10f}".rstrip("0").rstrip("."),
            line.price_name,
        )
        for line in lines
    ]
    total = sum(line.usd for line in lines)
    rows.append((f"{total:,.2f}", "total", "", "", "", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{usd:>{widths[0]}}  {what:<{widths[1]}}  {quantity:>{widths[2]}}  "
        f"{unit:<{widths[3]}}  {price:>{widths[4]}}  {name}".rstrip()
        for usd, what, quantity, unit, price, name in rows
    ]
