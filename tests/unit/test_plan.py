"""`facesearch plan` as its users run it."""

import json
import re

import pytest

from facesearch.planning.capacity import REDUNDANCY, Workload, search_cpu_s, size
from facesearch.planning.hnsw import hnsw_for
from facesearch_local.cli import DONE, USAGE, run
from facesearch_local.planning.costs import PRICES


def test_plan_shows_sizes_prices_and_a_total_that_adds_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["plan", "--faces", "100M", "--searches", "50"]) == DONE
    out = capsys.readouterr().out
    node = size(Workload(100_000_000, 50, 228_310), REDUNDANCY["prod"]).index.node.name
    assert f" {node} in 3 zone(s)" in out
    rows = [line.split() for line in out.splitlines() if line.split()[-1:] and "  " in line]
    amounts = [float(row[0].replace(",", "")) for row in rows if row[-1] in PRICES]
    (total,) = (float(row[0].replace(",", "")) for row in rows if row[-1] == "total")
    assert len(amounts) > 10
    assert sum(amounts) == pytest.approx(total, abs=0.01 * len(amounts))
    for word in ("Measured", "Published", "Extrapolated", "Assumed", "us-east-1"):
        assert word in out


@pytest.mark.parametrize("faces", ["10k", "1M", "1B"])
@pytest.mark.parametrize("stage", REDUNDANCY)
def test_plan_covers_ten_thousand_to_a_billion_faces(
    faces: str, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--faces", faces, "--searches", "1", "--stage", stage, "--json"]) == DONE
    plan = json.loads(capsys.readouterr().out)
    assert plan["usd_a_month"] == pytest.approx(sum(line["usd"] for line in plan["costs"]), abs=0.2)
    assert plan["sizing"]["index"]["zones"] == REDUNDANCY[stage].zones


@pytest.mark.parametrize(("faces", "stage"), [("10k", "small"), ("1M", "small"), ("10M", "prod")])
def test_plan_is_small_for_a_small_site(
    faces: str, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--faces", faces, "--searches", "10", "--json"]) == DONE
    plan = json.loads(capsys.readouterr().out)
    assert plan["stage"] == stage
    index = plan["sizing"]["index"]
    if stage == "small":
        assert (index["nodes"], index["zones"], index["replicas"]) == (2, 2, 1)
        assert index["manager"] is None


def test_plan_takes_compression_and_a_class_for_photos(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["plan", "--faces", "100M", "--searches", "10", "--json"]
    assert run(command) == DONE
    plain = json.loads(capsys.readouterr().out)
    assert run([*command, "--compression", "4x", "--photo-storage", "glacier-ir"]) == DONE
    cheaper = json.loads(capsys.readouterr().out)
    assert cheaper["usd_a_month"] < 0.55 * plain["usd_a_month"]
    sizes = [each["sizing"]["index"] for each in (plain, cheaper)]
    memory = [size["nodes"] * size["node"]["memory_gib"] for size in sizes]
    assert memory[1] < memory[0]


def test_plan_spreads_the_uploads_over_a_year_unless_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["plan", "--faces", "438k", "--searches", "1", "--json"]
    assert run(command) == DONE
    assert json.loads(capsys.readouterr().out)["workload"]["photos_a_day"] == 1000
    assert run([*command, "--photos", "5k"]) == DONE
    assert json.loads(capsys.readouterr().out)["workload"]["photos_a_day"] == 5000


def test_plan_takes_other_prices(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["plan", "--faces", "10k", "--searches", "1", "--json", "--price", "api-requests=0"]
    assert run(command) == DONE
    costs = json.loads(capsys.readouterr().out)["costs"]
    (api,) = (line for line in costs if line["price_name"] == "api-requests")
    assert (api["usd"], api["price"]["usd"]) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faces", "5", "--searches", "1"], "faces is 5: use 10,000 to 1,000,000,000"),
        (["--faces", "lots", "--searches", "1"], "'lots' is not a number"),
        (["--faces", "1M", "--searches", "0"], "searches is 0"),
        (["--faces", "1M", "--searches", "1", "--price", "gold=1"], "there is no price 'gold'"),
        (["--faces", "1M", "--searches", "1", "--price", "logs"], "'logs' is not a name and US"),
        (["--faces", "1M"], "Missing option '--searches'"),
    ],
)
def test_plan_of_nonsense_names_it(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", *arguments]) == USAGE
    error = capsys.readouterr().err
    assert re.match(r"error: ", error)
    assert message in error
    assert error.count("\n") == 1


def test_plan_of_a_recipe_of_more_numbers_needs_more_memory_and_disk(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["plan", "--faces", "10M", "--searches", "5", "--json"]
    assert run(command) == DONE
    facenet = json.loads(capsys.readouterr().out)
    assert run([*command, "--recipe", "whole-image"]) == DONE
    whole = json.loads(capsys.readouterr().out)
    assert (facenet["workload"]["dimension"], whole["workload"]["dimension"]) == (128, 1280)
    assert (len(facenet["notes"]), len(whole["notes"])) == (0, 1)
    assert "measured with 128 numbers a face only: with 1,280 it is more" in whole["notes"][0]
    assert whole["usd_a_month"] > 2 * facenet["usd_a_month"]


def test_plan_searches_each_shard_by_the_faces_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--faces", "100M", "--searches", "50", "--json"]) == DONE
    plan = json.loads(capsys.readouterr().out)
    index, shard = plan["sizing"]["index"], plan["shard"]
    assert index["shards"] * index["faces_in_shard"] == pytest.approx(100_000_000, rel=1e-6)
    chosen = hnsw_for(index["faces_in_shard"])
    assert (shard["m"], shard["ef_search"]) == (chosen.m, chosen.ef_search)
    assert shard["vcpu_ms"] == round(search_cpu_s(index["faces_in_shard"]) * 1e3, 1)
    assert run(["plan", "--faces", "100M", "--searches", "50"]) == DONE
    out = capsys.readouterr().out
    assert f"ef_search {chosen.ef_search}; a search takes {shard['vcpu_ms']} ms" in out
