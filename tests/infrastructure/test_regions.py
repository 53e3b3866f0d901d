"""Prod in every region that has OpenSearch Service: what a region lacks is not asked of it."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from cdk.regions import NO_M7G, NO_SNAPSTART, TWO_ZONES, node_in
from cdk.settings import read_settings
from cdk.synthesis import build_app
from facesearch.errors import SettingsError
from facesearch.planning.nodes import MANAGER_TYPES, NODE_TYPES
from tests.infrastructure.conftest import NETWORK
from tests.infrastructure.test_checks import IGNORED

REGIONS: Sequence[str] = boto3.Session().get_available_regions("opensearch")
SETTINGS: Mapping[str, Mapping[str, str]] = {
    **{region: {"zones": "2", "allow": "zones"} for region in TWO_ZONES},
    **{region: {"start": "provisioned"} for region in NO_SNAPSTART},
    **{region: {} for region in NO_M7G},
}
"""What prod needs in regions that differ from the others."""

# AWS's price list, as cfn-lint carries it.
_TYPES = "data/schemas/extensions/aws_opensearchservice_domain/clusterconfig_instancetype_enum.json"
TYPES: Mapping[str, Any] = json.loads((files("cfnlint") / _TYPES).read_text())


def prod_in(region: str, built_layers: Path, out: Path) -> str:
    """The template of prod in a region."""
    context = {"stage": "prod", **SETTINGS.get(region, {})}
    app = build_app(
        out=out, build=built_layers, account="123456789012", region=region, context=context
    )
    app.synth()
    return (out / "facesearch-prod.template.json").read_text()


def found_in(template: str, regions: Sequence[str]) -> list[str]:
    found = lint(template, config=ManualArgs(regions=list(regions), ignore_checks=IGNORED))
    return [str(match) for match in found]


@pytest.mark.slow
def test_prod_passes_cfn_lint_in_all_other_regions(built_layers: Path, tmp_path: Path) -> None:
    others = [region for region in REGIONS if region not in SETTINGS]
    assert len(others) > 25
    # Of any of these, with the name of the others in its place.
    template = prod_in(others[0], built_layers, tmp_path)
    assert found_in(template, others) == []


@pytest.mark.slow
@pytest.mark.parametrize("region", sorted(SETTINGS))
def test_prod_passes_cfn_lint_in_a_region_that_differs(
    region: str, built_layers: Path, tmp_path: Path
) -> None:
    assert found_in(prod_in(region, built_layers, tmp_path), [region]) == []


@pytest.mark.parametrize("region", REGIONS)
def test_every_node_that_is_chosen_from_is_sold_in_the_region(region: str) -> None:
    # Cfn-lint looks at data nodes only, not at managers.
    names = [node.name for node in NODE_TYPES] + [node.name for _, node in MANAGER_TYPES]
    missing = {node_in(region, name) for name in names} - set(TYPES[region]["enum"])
    assert not missing


@pytest.mark.parametrize("region", NO_M7G)
def test_manager_is_replaced_where_it_is_not_sold(
    region: str, built_layers: Path, tmp_path: Path
) -> None:
    resources = json.loads(prod_in(region, built_layers, tmp_path))["Resources"]
    (cluster,) = (
        each["Properties"]["ClusterConfig"]
        for each in resources.values()
        if each["Type"] == "AWS::OpenSearchService::Domain"
    )
    assert cluster["DedicatedMasterType"] == "m8g.large.search"
    assert cluster["DedicatedMasterType"] in TYPES[region]["enum"]


@pytest.mark.parametrize("region", TWO_ZONES)
def test_three_zones_are_refused_where_an_account_has_two(region: str) -> None:
    with pytest.raises(SettingsError, match=rf"^setting zones is '3': use 2 in {region}, where"):
        read_settings({"stage": "prod"}, region=region)
    two = read_settings({"stage": "prod", "zones": "2", "allow": "zones"}, region=region)
    assert two.sizing.index.nodes % 2 == 0
    assert read_settings({"stage": "dev"}, region=region).zones == 1
    # An older account may have three: who names subnets knows.
    assert read_settings({"stage": "prod", **NETWORK}, region=region).zones == 3


@pytest.mark.parametrize("region", NO_SNAPSTART)
def test_snapstart_is_refused_where_lambda_has_none(region: str) -> None:
    with pytest.raises(SettingsError, match=rf"^setting start is 'snapstart': use .* in {region}"):
        read_settings({"stage": "prod"}, region=region)
    assert read_settings({"stage": "dev"}, region=region).start == "on-demand"
