"""Plots: ROC, CMC, distances of same and different people, precision and recall."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image

from facesearch.files import check_regular
from facesearch_local.evaluation.calibration import Reliability
from facesearch_local.evaluation.measure import SystemMetrics, SystemResult
from facesearch_local.evaluation.pairs import Pairs
from facesearch_local.evaluation.statistics import roc, wilson

COLOURS = ("#8a8f98", "#d98c10", "#b0413e", "#1f5fbf", "#2c8a5a", "#7b4fa6", "#0f8b8d", "#c2508f")
"""Okabe and Ito's idea: apart for colour-blind eyes, too, and in the order of the systems."""

_SAME, _DIFFERENT = "#1f8a5b", "#b8860b"
_STYLES = ("-", "--", "-.", ":")
_DPI = 130
_INCH = 4.2


@dataclass(frozen=True, slots=True)
class Picture:
    """A file beside the report, and what it shows, for those who cannot see it, too."""

    file: str
    caption: str


def draw_plots(folder: Path, systems: Sequence[SystemResult], pairs: Pairs | None) -> list[Picture]:
    """As PNG files in `folder`."""
    metrics = [each.metrics for each in systems]
    pictures = [_precision_and_recall(folder, metrics), _cmc(folder, metrics)]
    if pairs is not None:
        pictures += [_roc(folder, systems, pairs), _distances(folder, systems, pairs)]
        pictures += [
            _reliability(folder, each.reliability)
            for each in metrics
            if each.reliability is not None
        ]
    return pictures


def _precision_and_recall(folder: Path, systems: Sequence[SystemMetrics]) -> Picture:
    figure, axes = _new(1.9, 1)
    names = ["P@1", "P@5", "P@10", "P@20", "recall@20", "mAP@20"]
    width = 0.8 / len(systems)
    for number, each in enumerate(systems):
        queries = each.identification
        values = [*queries.precision_at.values(), queries.recall_at_20, queries.map_at_20]
        places = np.arange(len(names)) + (number - (len(systems) - 1) / 2) * width
        bars = axes.bar(
            places, np.array(values) * 100, width * 0.92, color=_colour(number), label=each.system
        )
        if len(systems) <= 4:
            axes.bar_label(bars, fmt="%.0f", fontsize=7, color="#444444", padding=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(0, 108)
    axes.set_ylabel("per cent")
    _legend_below(figure, axes)
    return _save(figure, folder, "precision_recall", "Precision at k, recall@20 and mAP@20")


def _cmc(folder: Path, systems: Sequence[SystemMetrics]) -> Picture:
    figure, axes = _new(1.5, 1)
    for number, each in enumerate(systems):
        ranks = np.arange(1, len(each.identification.cmc) + 1)
        values = np.array(each.identification.cmc) * 100
        _look_like(number, *axes.plot(ranks, values, label=each.system))
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(1, 50)
    _from_the_lowest(axes)
    axes.set_xlabel("rank")
    axes.set_ylabel("queries with a right photo by this rank (%)")
    _legend_below(figure, axes)
    return _save(figure, folder, "cmc", "CMC: how far down the list the first right photo is")


def _roc(folder: Path, systems: Sequence[SystemResult], pairs: Pairs) -> Picture:
    figure, axes = _new(1.5, 1)
    least = 1 / max(1, int((~pairs.same).sum()))
    for number, each in enumerate(systems):
        assert each.pair_distances is not None  # noqa: S101 (there are pairs)
        _, false, true = roc(each.pair_distances, pairs.same)
        name = each.metrics.system
        steps = axes.step(np.maximum(false, least), true * 100, where="post", label=name)
        _look_like(number, *steps)
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:g} %"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    _from_the_lowest(axes)
    axes.set_xlabel("pairs of different people accepted (FAR, logarithmic)")
    axes.set_ylabel("pairs of one person accepted (TAR, %)")
    _legend_below(figure, axes)
    return _save(figure, folder, "roc", "ROC: what a bearable share of false accepts lets through")


def _distances(folder: Path, systems: Sequence[SystemResult], pairs: Pairs) -> Picture:
    columns = min(2, len(systems))
    rows = -(-len(systems) // columns)
    figure = Figure(figsize=(columns * 4.3, rows * 2.5), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    for place, each in enumerate(systems):
        axes = figure.add_subplot(rows, columns, place + 1)
        _tidy(axes)
        assert each.pair_distances is not None  # noqa: S101 (there are pairs)
        there = np.isfinite(each.pair_distances)
        edges = np.linspace(0, float(each.pair_distances[there].max(initial=1)), 70).tolist()
        for name, kind, colour in (
            ("same person", pairs.same, _SAME),
            ("different people", ~pairs.same, _DIFFERENT),
        ):
            axes.hist(each.pair_distances[there & kind], edges, color=colour, alpha=0.6, label=name)
        if each.metrics.verification is not None:
            threshold = each.metrics.verification.threshold
            axes.set_ylim(top=axes.get_ylim()[1] * 1.15)
            axes.axvline(threshold, color="#333333", linewidth=1, linestyle="--")
            axes.annotate(
                f" threshold {threshold:.2f}",
                (threshold, 0.97),
                xycoords=("data", "axes fraction"),
                fontsize=7,
                va="top",
            )
        axes.set_title(each.metrics.system, fontsize=10, loc="left", fontweight="bold")
        axes.set_xlabel("L2 distance", fontsize=8)
        axes.set_ylabel("pairs", fontsize=8)
        if place == 0:
            axes.legend(frameon=False, fontsize=8, loc="upper left")
    return _save(figure, folder, "distances", "Distances of pairs of one person and of two")


def _reliability(folder: Path, reliability: Reliability) -> Picture:
    """The share of one person among pairs, by their confidence."""
    figure, axes = _new(1.2, 1)
    axes.plot([0, 1], [0, 1], color="#9aa3af", linewidth=1, linestyle="--")
    for each in reliability.bins:
        low, high = wilson(round(each.same_person * each.pairs), each.pairs)
        axes.plot([each.confidence, each.confidence], [low, high], color=COLOURS[3], linewidth=1.5)
        axes.plot(each.confidence, each.same_person, "o", color=COLOURS[3], markersize=5)
        above = each.confidence < 0.5
        axes.annotate(
            f"{each.pairs:,}",
            (each.confidence, high if above else low),
            textcoords="offset points",
            xytext=(0, 5 if above else -5),
            ha="center",
            va="bottom" if above else "top",
            fontsize=7,
        )
    axes.set_xlim(-0.05, 1.05)
    axes.set_ylim(-0.08, 1.08)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share of one person")
    caption = (
        "Reliability of the confidence, with 95 % intervals and the number of pairs (Brier score "
        f"{reliability.brier:.4f})"
    )
    return _save(figure, folder, "reliability", caption)


def _new(wide: float, high: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(wide * _INCH, high * _INCH), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _tidy(axes)
    return figure, axes


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)


def _from_the_lowest(axes: Axes) -> None:
    """Per cent, from the ten below the lowest curve: good systems differ in the last few."""
    lowest = min(float(np.min(line.get_ydata())) for line in axes.get_lines())
    low = math.floor(lowest / 10) * 10
    axes.set_ylim(low, 100 + (100 - low) / 50)


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _look_like(number: int, line: Line2D) -> None:
    line.set(
        color=_colour(number),
        linestyle=_STYLES[number // len(COLOURS) % len(_STYLES)],
        linewidth=1.8,
    )


def _save(figure: Figure, folder: Path, name: str, caption: str) -> Picture:
    file = folder / f"{name}.png"
    check_regular(file)
    figure.savefig(file)
    with Image.open(file) as image:
        # Plots have few colours: a palette makes them a third as large.
        image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)
    return Picture(file.name, caption)
