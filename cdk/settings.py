"""The settings of each stage: typed, checked at synthesis, changed with `-c name=value`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from facesearch.collections import CHOICES as COLLECTIONS
from facesearch.errors import InvalidRequest, SettingsError
from facesearch.planning.capacity import REDUNDANCY, Redundancy, Sizing, Workload, parse_count, size
from facesearch.vision.limits import MAX_FACES

CHOICES = {
    "architecture": ("x86_64", "arm64"),
    "collections": COLLECTIONS,
    "authorisation": ("api-key", "iam", "cognito"),
    "start": ("on-demand", "snapstart", "provisioned"),
    # What CloudWatch Logs accepts, as far as it is sensible here.
    "log_days": (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    "zones": (1, 2, 3),
    "replicas": (0, 1, 2),
    "views": (1, 2),
}

DOMAIN_ENDPOINT = re.compile(
    r"search-(?P<name>[a-z][a-z0-9-]{2,27})-[a-z0-9]{26}"
    r"\.(?:aos\.)?(?P<region>[a-z0-9-]+)\.(?:es\.amazonaws\.com|on\.aws)"
)
_USER_POOL_ARN = re.compile(r"arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:\d{12}:userpool/\S+")


@dataclass(frozen=True, slots=True)
class StageSettings:
    """The settings of one stage. Sizes follow from the capacity, and are not among them."""

    stage: str
    # Capacity: faces stored at most, sustained searches a second, photos uploaded a day.
    faces: int
    searches: float
    photos: int
    # The cluster: its zones, copies beside the first, and managers that hold no data.
    zones: int
    replicas: int
    managers: bool
    vpc: bool
    retain: bool
    """The bucket, the index and the dead letters outlive the stack."""
    start: str
    """How the search function starts: on demand, from a snapshot, or kept warm."""
    tracing: bool
    log_days: int
    views: int = 1
    """How many crops of a face are embedded and averaged: 2 is better, at twice the work."""
    # What a face must reach to be indexed; 0 and 1000 leave none out.
    min_face_size: float = 0.0
    min_sharpness: float = 0.0
    min_detection_score: float = 0.0
    max_faces: int = MAX_FACES
    architecture: str = "x86_64"
    authorisation: str = "api-key"
    domain_endpoint: str = ""
    """The endpoint of an existing OpenSearch Service domain, to use instead of a new one."""
    user_pool_arn: str = ""
    cors_origins: tuple[str, ...] = ()
    alarm_email: str = ""
    prefix: str = ""
    """Only objects whose keys start with this are photos."""
    suffixes: tuple[str, ...] = ()
    """Only objects whose keys end in one of these are photos; empty: all."""
    collections: str = COLLECTIONS[0]
    """What names a photo's collection: its folder, its tag, or nothing."""
    uploads: bool = True
    """Whether callers of the API may add photos."""

    @property
    def sizing(self) -> Sizing:
        burstable = REDUNDANCY[self.stage].burstable
        redundancy = Redundancy(self.zones, self.replicas, self.managers, burstable)
        return size(Workload(self.faces, self.searches, self.photos), redundancy)


STAGES = {
    stage.stage: stage
    for stage in (
        StageSettings(
            stage="dev",
            faces=100_000,
            searches=1.0,
            photos=10_000,
            zones=REDUNDANCY["dev"].zones,
            replicas=REDUNDANCY["dev"].replicas,
            managers=REDUNDANCY["dev"].managers,
            vpc=False,
            retain=False,
            start="on-demand",
            tracing=False,
            log_days=14,
        ),
        StageSettings(
            stage="prod",
            faces=10_000_000,
            searches=10.0,
            photos=100_000,
            zones=REDUNDANCY["prod"].zones,
            replicas=REDUNDANCY["prod"].replicas,
            managers=REDUNDANCY["prod"].managers,
            vpc=True,
            retain=True,
            start="snapstart",
            tracing=True,
            log_days=90,
        ),
    )
}

Value = str | int | float | bool | tuple[str, ...]


def read_settings(context: Mapping[str, object]) -> StageSettings:
    """The stage that the CDK's context names (default: dev), with the context's other settings.

    Raises `SettingsError`, naming the setting and what to do.
    """
    stage = context.get("stage", "dev")
    if stage not in STAGES:
        raise _wrong("stage", stage, f"one of {', '.join(STAGES)}")
    settings = STAGES[str(stage)]
    names = {field.name for field in fields(StageSettings)}
    changes: dict[str, Value] = {}
    for name, value in context.items():
        if ":" in name or name.startswith("@"):
            continue  # The CDK's own.
        if name not in names:
            raise SettingsError(f"there is no setting '{name}': use {', '.join(sorted(names))}")
        changes[name] = _parse(name, value, getattr(settings, name))
    settings = replace(settings, **changes)  # type: ignore[arg-type] # _parse kept each field's type
    _check(settings)
    return settings


def _parse(name: str, value: object, now: Value) -> Value:
    """`value` as the type that the setting has now: text from `-c`, or JSON from cdk.json."""
    if isinstance(now, bool):
        if str(value).lower() not in ("true", "false"):
            raise _wrong(name, value, "true or false")
        return str(value).lower() == "true"
    if isinstance(now, int | float):
        try:
            number = parse_count(str(value))
        except InvalidRequest as error:
            raise SettingsError(f"setting {name}: {error}") from error
        if isinstance(now, float):
            return number
        if not number.is_integer():
            raise _wrong(name, value, "a whole number")
        return int(number)
    if isinstance(now, tuple):
        parts = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(str(part).strip() for part in parts if str(part).strip())
    return str(value)


def _check(settings: StageSettings) -> None:
    for name, choices in CHOICES.items():
        if getattr(settings, name) not in choices:
            raise _wrong(name, getattr(settings, name), f"one of {', '.join(map(str, choices))}")
    _check_index(settings)
    _check_photos(settings)
    _check_limits(settings)
    _check_callers(settings)


def _check_limits(settings: StageSettings) -> None:
    # Negative numbers are refused as they are read.
    if settings.min_detection_score > 1:
        raise _wrong("min_detection_score", settings.min_detection_score, "0 to 1")
    if not 1 <= settings.max_faces <= MAX_FACES:
        raise _wrong("max_faces", settings.max_faces, f"1 to {MAX_FACES}")


def _check_index(settings: StageSettings) -> None:
    try:
        _ = settings.sizing
    except InvalidRequest as error:
        raise SettingsError(f"setting {error}") from error
    if settings.domain_endpoint:
        if not DOMAIN_ENDPOINT.fullmatch(settings.domain_endpoint):
            expected = "a public domain's, search-NAME-….REGION.es.amazonaws.com, without https://"
            raise _wrong("domain_endpoint", settings.domain_endpoint, expected)
        if settings.vpc:
            raise _wrong("vpc", True, "false with domain_endpoint: it is outside of the new VPC")


def _check_photos(settings: StageSettings) -> None:
    if settings.prefix.startswith("/"):
        raise _wrong("prefix", settings.prefix, "the start of keys, such as photos/")
    ends = settings.suffixes
    if any(one != other and one.endswith(other) for one in ends for other in ends):
        raise _wrong("suffixes", ",".join(ends), "endings of which none ends in another")


def _check_callers(settings: StageSettings) -> None:
    if settings.authorisation == "cognito" and not _USER_POOL_ARN.fullmatch(settings.user_pool_arn):
        raise _wrong("user_pool_arn", settings.user_pool_arn, "the ARN of a Cognito user pool")
    for origin in settings.cors_origins:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise _wrong("cors_origins", origin, "origins such as https://photos.example")
    if settings.alarm_email and not re.fullmatch(r"[^@\s]+@[^@\s]+", settings.alarm_email):
        raise _wrong("alarm_email", settings.alarm_email, "an e-mail address")


def _wrong(name: str, value: object, expected: str) -> SettingsError:
    return SettingsError(f"setting {name} is '{value}': use {expected} (-c {name}=…)")
