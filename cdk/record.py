"""The record of what runs: some settings of each deployed stack, kept beside the stages' files.

CloudFormation cannot be asked while a template is made, so `cdk/deployed.py` asks it afterwards.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from facesearch.errors import SettingsError

STAGES = Path(__file__).resolve().parent / "stages"
"""The folder of the stages' files: `dev.toml` is stage dev."""

Record = Mapping[str, str | int | float | bool]
"""Settings by name, as they were last deployed."""


def record_file(stack: str, region: str, stages: Path = STAGES) -> Path:
    """Where the record of a stack is kept."""
    return stages / "deployed" / f"{stack}.{region}.json"


def read_record(stack: str, region: str | None, stages: Path = STAGES) -> Record | None:
    """The record of a stack; None if it was not deployed. Raises `SettingsError` if it is broken.

    Without a region nothing can be deployed, and there is no record.
    """
    file = record_file(stack, region, stages) if region else None
    if file is None or not file.exists():
        return None
    try:
        return parse_record(file.read_bytes())
    except msgspec.MsgspecError as error:
        raise SettingsError(
            f"cdk/stages/deployed/{file.name}: {error}: make it again with "
            f"'python -m cdk.deployed {stack}'"
        ) from error


def parse_record(text: str | bytes) -> Record:
    """A record from JSON. Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(text, type=dict[str, str | int | float | bool])


def format_record(record: Record) -> str:
    """A record as JSON."""
    return msgspec.json.encode(record).decode()
