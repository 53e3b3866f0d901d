"""What some regions of AWS lack: replaced where there is an equal, refused where there is none."""

from facesearch.errors import SettingsError

TWO_ZONES = ("us-west-1",)
"""Where newer accounts see two availability zones, of three."""

NO_SNAPSTART = ("ap-east-2", "ap-southeast-6")
"""Where Lambda has no SnapStart."""

NO_M7G = ("ca-west-1", "eu-south-1")
"""Where OpenSearch Service has no m7g nodes, but m8g nodes of the same sizes."""


def node_in(region: str, node: str) -> str:
    """The node to take in a region for `node`, which is as large."""
    return node.replace("m7g.", "m8g.") if region in NO_M7G else node


def refuse_missing(*, region: str, zones: int, start: str) -> None:
    """Raise `SettingsError` if the region has not what the settings need."""
    if region in TWO_ZONES and zones > 2:
        raise SettingsError(
            f"setting zones is '{zones}': use 2 in {region}, where AWS gives an account two zones "
            "(-c zones=2 -c allow=zones, or the stage's file), or name your subnets (subnet_ids)"
        )
    if region in NO_SNAPSTART and start == "snapstart":
        raise SettingsError(
            f"setting start is '{start}': use on-demand or provisioned in {region}, where Lambda "
            "has no SnapStart (-c start=…)"
        )
