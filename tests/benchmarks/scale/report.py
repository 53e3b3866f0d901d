"""The table and the picture of SCALE.md, from the rows that `bench_scale --json` kept.

`python -m tests.benchmarks.scale.report` reads `results.json` (sizes) and
`shapes.json` (shapes side by side), prints both and draws `scale.png` beside it.
"""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
SHAPES = Path(__file__).with_name("shapes.json")
PICTURE = Path(__file__).with_name("scale.png")

SHIPPED = ("default", "tiers4")
"""Shapes that are the store's own by default."""

EFS = (100, 200, 400, 800, 1200, 3600, 10_000)
"""Of the picture's axis."""

Row = dict[str, Any]


def main() -> None:
    rows, shapes = read_rows(RESULTS), read_rows(SHAPES)
    for each in (rows, shapes):
        print("\n".join(table(each)), end="\n\n")
    draw(rows)


def read_rows(path: Path = RESULTS) -> list[Row]:
    """By size, then as they were measured."""
    rows: list[Row] = json.loads(path.read_text())
    return sorted(rows, key=lambda row: int(row["faces"]))


def table(rows: list[Row]) -> list[str]:
    """In Markdown: a line for each way to search each index."""
    names = (
        *("faces", "shape", "segments", "disk, searched (bytes a face)"),
        *("written (faces/s; engine, µs of processor a face)", "`ef_search`", "same person"),
        *("distance ratio at 20 (worst 1 %)", "recall@20", "p50, p95 (ms)"),
        "engine (ms of processor)",
    )
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for row in rows:
        stored = row["stored"]
        for each in row["searched"]:
            near = each["nearness"]
            ef = f"{each['ef_search']} {each['concurrent'] and '(' + each['concurrent'] + ')'}"
            lines.append(
                f"| {name_of(row)} | {row['shape']} | {stored['segments']} "
                f"| {stored['disk_bytes']:,.0f}, {searched_bytes(row):,.0f} "
                f"| {written_text(row)} | {ef.strip()} "
                f"| {near['same_person']:.4f} of {near['same_person_faces']:,} "
                f"| {near['ratio']:.4f} ({near['ratio_99']:.4f}) | {near['recall']:.4f} "
                f"| {each['p50_ms']:.1f}, {each['p95_ms']:.1f} | {each['engine_cpu_ms']:.1f} |"
            )
    return lines


def name_of(row: Row) -> str:
    """How many faces, and what was special about the run."""
    note = row.get("note")
    return f"{row['faces']:,}, {note}" if note else f"{row['faces']:,}"


def written_text(row: Row) -> str:
    """Nothing where other work ran in the engine meanwhile, or writing was interrupted."""
    written = row["written"]
    if written is None:
        return "–"
    cpu = written["engine_cpu_s"] / written["faces"] * 1e6
    return f"{written['faces'] / written['seconds']:,.0f}; {cpu:,.0f}"


def searched_bytes(row: Row) -> float:
    """What a search walks in memory, a face."""
    return float(row["stored"]["vector_bytes"] + row["stored"]["graph_bytes"])


def engine_ms(row: Row, ef_search: int) -> float:
    """Processor time of a search, the mean over the ways in which segments were searched."""
    each_way = [e["engine_cpu_ms"] for e in row["searched"] if e["ef_search"] == ef_search]
    return float(sum(each_way) / len(each_way))


def draw(rows: list[Row]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    recall, engine = figure.subplots(1, 2)
    for row in rows:
        name = f"{name_of(row)}: {row['shape']}"
        efs = sorted({each["ef_search"] for each in row["searched"]})
        of_ef = [[each for each in row["searched"] if each["ef_search"] == ef] for ef in efs]
        found = [each[0]["nearness"]["recall"] for each in of_ef]
        recall.plot(efs, found, "o-", label=name)
        engine.plot(efs, [engine_ms(row, ef) for ef in efs], "o-", label=name)
    recall.axhline(0.99, color="#8a8f98", linestyle=":")
    recall.set(xlabel="ef_search", ylabel="recall@20", xscale="log")
    engine.set(xlabel="ef_search", ylabel="engine, ms of processor a search", xscale="log", ylim=0)
    for axes in (recall, engine):
        axes.set_xticks(EFS, map(str, EFS))
        axes.minorticks_off()
    lines, names = engine.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
