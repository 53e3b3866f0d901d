"""The settings of a stage: its file in `cdk/stages`, checked and typed at synthesis.

`-c name=value` changes a setting for once; `cdk/downgrades.py` refuses what would lose something.
"""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from cdk.downgrades import guarded, refuse_downgrades, refuse_impossible
from cdk.record import STAGES, read_record
from cdk.regions import refuse_missing
from facesearch.collections import CHOICES as COLLECTIONS
from facesearch.collections import check_collection_name
from facesearch.errors import InvalidCollection, InvalidRequest, SettingsError
from facesearch.planning.capacity import (
    COMPRESSIONS,
    Redundancy,
    Sizing,
    Workload,
    parse_count,
    size,
)
from facesearch.recipes.finding import ChosenRecipe, find_recipe
from facesearch.settings import FACENETS, models_folder
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
    "compression": tuple(COMPRESSIONS),
    "photo_storage": ("standard", "intelligent-tiering", "glacier-ir"),
}

ONCE = ("restoring", "reembedding")
"""Settings of a single deployment, given with `-c` only."""

MOST_AT_ONCE = 1_000
"""Functions that Lambda lets an event source start at once."""

STACK_LENGTH = 28
"""Buckets are named after the stack, with the account and the region, in 63 characters."""

DOMAIN_ENDPOINT = re.compile(
    r"(?P<access>search|vpc)-(?P<name>[a-z][a-z0-9-]{2,27})-[a-z0-9]{26}"
    r"\.(?:aos\.)?(?P<region>[a-z0-9-]+)\.(?:es\.amazonaws\.com|on\.aws)"
)
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOST_NAME = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_CERTIFICATE_ARN = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/\S+")
_WEB_ACL_ARN = re.compile(r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/\S+")
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
    burstable: bool
    """The smallest nodes (t3) may be taken; they are not for steady load."""
    vpc: bool
    retain: bool
    """The bucket, the index and the dead letters outlive the stack."""
    start: str
    """How the search function starts: on demand, from a snapshot, or kept warm."""
    tracing: bool
    log_days: int
    recipe: str = ""
    """How photos are looked at, by the recipe's name; empty: FaceNet, with as many views."""
    views: int = 1
    """How many crops of a face are embedded and averaged: 2 is better, at twice the work."""
    # What a face must reach to be indexed; 0 and 1000 leave none out.
    min_face_size: float = 0.0
    min_sharpness: float = 0.0
    min_detection_score: float = 0.0
    max_faces: int = MAX_FACES
    very_likely_distance: float = 0.0
    """Up to where a match is called very likely the same person; 0: by the number of faces."""
    architecture: str = "x86_64"
    authorisation: str = "api-key"
    keys: tuple[str, ...] = ()
    """Further API keys, each NAME=COLLECTION, which see these collections only."""
    domain_endpoint: str = ""
    """The endpoint of an existing OpenSearch Service domain, to use instead of a new one."""
    vpc_id: str = ""
    """An existing private network to use instead of a new one, by this and the next two."""
    subnet_ids: tuple[str, ...] = ()
    security_group_id: str = ""
    """The security group of the functions in that network."""
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
    deletion: bool = False
    """Whether callers of the API may delete photos from the bucket."""
    compression: str = "1x"
    """How the index keeps vectors in memory: 4x takes a quarter, and costs a little recall."""
    photo_storage: str = "standard"
    """S3's class for photos: standard, or one that is cheaper for those that are not read."""
    canary: bool = False
    """A new search function answers a tenth of the callers first, and goes back if that fails."""
    api_domain: str = ""
    """A name of the account's for the API, such as faces.example.org."""
    certificate_arn: str = ""
    """The certificate for it, of ACM in the stack's region."""
    web_acl_arn: str = ""
    """A web ACL (WAF, regional) of the account's, to put before the API."""
    customer_key: bool = False
    """Photos, queues, index, logs and topic are encrypted with a KMS key of the account's own."""
    bucket: str = ""
    """An existing bucket of photos, to use instead of a new one."""
    snapshots: bool = False
    """A bucket of the account's own for snapshots of the index."""

    restoring: bool = False
    """The first of two deployments that take kept buckets back: without notifications."""
    reembedding: int = 0
    """So many functions at once embed all photos again: a stack of their own; 0: the usual one."""
    name: str = "facesearch"
    """What the stack's name starts with: several stacks can live in one account and region."""

    @property
    def stack(self) -> str:
        """The name of the stack, and of what is named after it."""
        return f"{self.name}-{self.stage}"

    @property
    def chosen_recipe(self) -> ChosenRecipe:
        """Raises `SettingsError` where there is none of this name."""
        name = self.recipe or FACENETS["facenet-int8", str(self.views)]
        return find_recipe(name, models_folder(os.environ))

    @property
    def collections_of_keys(self) -> dict[str, list[str]]:
        """The collections that each of the further keys may see."""
        pairs = [each.partition("=") for each in self.keys]
        return {
            name: [collection for other, _, collection in pairs if other == name]
            for name, _, _ in pairs
        }

    @property
    def sizing(self) -> Sizing:
        redundancy = Redundancy(self.zones, self.replicas, self.managers, self.burstable)
        dimension = self.chosen_recipe.description.network.dimension
        workload = Workload(self.faces, self.searches, self.photos, dimension)
        return size(workload, redundancy, self.compression)


def index_differences(settings: StageSettings, running: Mapping[str, Any]) -> list[str]:
    """What an index that is there has otherwise than settings say, and keeps.

    `running` is the record of what runs; earlier versions recorded less.
    """
    known = {field.name for field in fields(StageSettings)} & set(running)
    before = replace(settings, **{name: running[name] for name in known})
    pairs = {
        "shards": (before.sizing.index.shards, settings.sizing.index.shards),
        "replicas": (before.replicas, settings.replicas),
        "compression": (before.compression, settings.compression),
    }
    return [f"{name} {then}, not {now}" for name, (then, now) in pairs.items() if then != now]


Value = str | int | float | bool | tuple[str, ...]


def read_settings(
    context: Mapping[str, object], *, region: str | None = None, stages: Path = STAGES
) -> StageSettings:
    """The stage that the CDK's context names (default: dev), with the context's other settings.

    They are held against the stage's file, and against what runs in the region. Raises
    `SettingsError`, naming the setting, where it stands, and what to do.
    """
    stage, allowed, given = _split(context)
    file = stages / f"{stage}.toml"
    if not _NAME.fullmatch(stage) or not file.is_file():
        names = sorted(each.stem for each in stages.glob("*.toml"))
        raise _wrong("stage", stage, f"one of {', '.join(names)}, or add its file to cdk/stages")
    try:
        written = _read_file(file)
        committed = _make(stage, written)
    except SettingsError as error:
        raise SettingsError(f"cdk/stages/{file.name}: {error}") from error
    settings = _make(stage, {**written, **_parse_all(given)})
    refuse_downgrades(guarded(settings), guarded(committed), f"in cdk/stages/{file.name}", allowed)
    if region is not None:
        # Who names subnets has their zones.
        zones = 0 if settings.subnet_ids else settings.zones
        refuse_missing(region=region, zones=zones, start=settings.start)
    running = read_record(settings.stack, region, stages)
    if running is not None:
        where = f"in what runs ({settings.stack} in {region})"
        refuse_impossible(guarded(settings), running, where)
        refuse_downgrades(guarded(settings), running, where, allowed)
    return settings


def _split(context: Mapping[str, object]) -> tuple[str, Sequence[str], Mapping[str, object]]:
    """The stage, the downgrades that are allowed, and the settings in the CDK's context."""
    # Names with a colon or an @ are the CDK's own.
    given = {name: value for name, value in context.items() if not re.search("^@|:", name)}
    stage = str(given.pop("stage", "dev"))
    allowed = [name for name in str(given.pop("allow", "")).split(",") if name]
    return stage, allowed, given


def _read_file(file: Path) -> Mapping[str, Value]:
    try:
        content = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"this is not TOML: {error}") from error
    for name in ("stage", *ONCE):
        if name in content:
            raise SettingsError(f"setting {name} does not belong in a stage's file")
    return _parse_all(content)


def _make(stage: str, values: Mapping[str, Value]) -> StageSettings:
    arguments: dict[str, Any] = {"stage": stage, **values}
    missing = [
        field.name
        for field in fields(StageSettings)
        if field.default is MISSING and field.name not in arguments
    ]
    if missing:
        raise SettingsError(f"setting {missing[0]} is missing: add it, as in cdk/stages/dev.toml")
    settings = StageSettings(**arguments)
    _check(settings)
    return settings


def _parse_all(given: Mapping[str, object]) -> dict[str, Value]:
    kinds = get_type_hints(StageSettings)
    for name in given:
        if name not in kinds:
            raise SettingsError(f"there is no setting '{name}': use {', '.join(sorted(kinds))}")
    return {name: _parse(name, value, kinds[name]) for name, value in given.items()}


def _parse(name: str, value: object, kind: object) -> Value:
    """`value` as the type of its setting: text from `-c`, or a value of TOML or JSON."""
    if kind is bool:
        if str(value).lower() not in ("true", "false"):
            raise _wrong(name, value, "true or false")
        return str(value).lower() == "true"
    if kind in (int, float):
        try:
            number = parse_count(str(value))
        except InvalidRequest as error:
            raise SettingsError(f"setting {name}: {error}") from error
        if kind is float:
            return number
        if not number.is_integer():
            raise _wrong(name, value, "a whole number")
        return int(number)
    if kind is str:
        return str(value)
    parts = value if isinstance(value, list | tuple) else str(value).split(",")
    return tuple(str(part).strip() for part in parts if str(part).strip())


def _check(settings: StageSettings) -> None:
    for name, choices in CHOICES.items():
        if getattr(settings, name) not in choices:
            raise _wrong(name, getattr(settings, name), f"one of {', '.join(map(str, choices))}")
    _check_name(settings)
    _check_recipe(settings)
    if settings.reembedding and not 2 <= settings.reembedding <= MOST_AT_ONCE:
        raise _wrong("reembedding", settings.reembedding, f"2 to {MOST_AT_ONCE:,} functions")
    _check_index(settings)
    _check_network(settings)
    _check_photos(settings)
    _check_limits(settings)
    _check_callers(settings)


def _check_name(settings: StageSettings) -> None:
    if not _NAME.fullmatch(settings.name) or len(settings.stack) > STACK_LENGTH:
        longest = STACK_LENGTH - len(settings.stage) - 1
        expected = f"small letters, digits and hyphens, a letter first, {longest} at most"
        raise _wrong("name", settings.name, expected)


def _check_recipe(settings: StageSettings) -> None:
    if settings.recipe and settings.views != 1:
        raise _wrong("views", settings.views, "1 with a recipe: it says how many cuts it takes")
    if "/" in settings.recipe or settings.recipe.endswith(".toml"):
        raise _wrong("recipe", settings.recipe, "a name of 'facesearch models recipes'")
    _ = settings.chosen_recipe


def _check_limits(settings: StageSettings) -> None:
    # Negative numbers are refused as they are read.
    if settings.min_detection_score > 1:
        raise _wrong("min_detection_score", settings.min_detection_score, "0 to 1")
    if not 1 <= settings.max_faces <= MAX_FACES:
        raise _wrong("max_faces", settings.max_faces, f"1 to {MAX_FACES}")
    if settings.very_likely_distance > 2:
        raise _wrong("very_likely_distance", settings.very_likely_distance, "0 to 2")


def _check_index(settings: StageSettings) -> None:
    try:
        _ = settings.sizing
    except InvalidRequest as error:
        raise SettingsError(f"setting {error}") from error
    if settings.domain_endpoint:
        found = DOMAIN_ENDPOINT.fullmatch(settings.domain_endpoint)
        if found is None:
            expected = "a domain's, search-NAME-….REGION.es.amazonaws.com, without https://"
            raise _wrong("domain_endpoint", settings.domain_endpoint, expected)
        if found["access"] == "search" and settings.vpc:
            raise _wrong("vpc", True, "false with a public domain_endpoint: it is outside")
        if found["access"] == "vpc" and not settings.vpc_id:
            raise _wrong("vpc_id", "", "the network of the private domain_endpoint")


def _check_network(settings: StageSettings) -> None:
    given = bool(settings.vpc_id)
    if given and not settings.vpc:
        raise _wrong("vpc", False, "true with vpc_id")
    if given and not re.fullmatch(r"vpc-[0-9a-f]{8,17}", settings.vpc_id):
        raise _wrong("vpc_id", settings.vpc_id, "a network's id, such as vpc-0a1b2c3d4e5f60718")
    subnets = settings.subnet_ids
    if len(subnets) != (settings.zones if given else 0) or not all(
        re.fullmatch(r"subnet-[0-9a-f]{8,17}", subnet) for subnet in subnets
    ):
        expected = f"the ids of {settings.zones} subnets with vpc_id, one for each of the zones"
        raise _wrong("subnet_ids", ",".join(subnets), expected if given else "none without vpc_id")
    if given != bool(re.fullmatch(r"sg-[0-9a-f]{8,17}", settings.security_group_id)):
        expected = "the id of a security group with vpc_id" if given else "none without vpc_id"
        raise _wrong("security_group_id", settings.security_group_id, expected)


def _check_photos(settings: StageSettings) -> None:
    if settings.bucket and not _BUCKET_NAME.fullmatch(settings.bucket):
        raise _wrong("bucket", settings.bucket, "the name of a bucket of this account and region")
    if settings.bucket and settings.photo_storage != "standard":
        expected = "standard with bucket: storage classes are its owner's"
        raise _wrong("photo_storage", settings.photo_storage, expected)
    if settings.prefix.startswith("/"):
        raise _wrong("prefix", settings.prefix, "the start of keys, such as photos/")
    ends = settings.suffixes
    if any(one != other and one.endswith(other) for one in ends for other in ends):
        raise _wrong("suffixes", ",".join(ends), "endings of which none ends in another")


def _check_keys(settings: StageSettings) -> None:
    if settings.keys and settings.authorisation != "api-key":
        raise _wrong("keys", ",".join(settings.keys), "none, or authorisation=api-key with them")
    for each in settings.keys:
        name, _, collection = each.partition("=")
        try:
            check_collection_name(collection)
        except InvalidCollection as error:
            raise _wrong("keys", each, f"NAME=COLLECTION; {error}") from error
        if not _NAME.fullmatch(name):
            raise _wrong("keys", each, "NAME=COLLECTION, the name in small letters and digits")


def _check_callers(settings: StageSettings) -> None:
    _check_keys(settings)
    if settings.authorisation == "cognito" and not _USER_POOL_ARN.fullmatch(settings.user_pool_arn):
        raise _wrong("user_pool_arn", settings.user_pool_arn, "the ARN of a Cognito user pool")
    if settings.deletion and not settings.uploads:
        raise _wrong("deletion", True, "false where uploads are: they are one right")
    for origin in settings.cors_origins:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise _wrong("cors_origins", origin, "origins such as https://photos.example")
    if settings.api_domain and not _HOST_NAME.fullmatch(settings.api_domain):
        raise _wrong("api_domain", settings.api_domain, "a host name such as faces.example.org")
    if settings.api_domain and not _CERTIFICATE_ARN.fullmatch(settings.certificate_arn):
        expected = "the ARN of an ACM certificate for api_domain, in the stack's region"
        raise _wrong("certificate_arn", settings.certificate_arn, expected)
    if settings.web_acl_arn and not _WEB_ACL_ARN.fullmatch(settings.web_acl_arn):
        expected = "the ARN of a regional web ACL, arn:aws:wafv2:REGION:ACCOUNT:regional/webacl/…"
        raise _wrong("web_acl_arn", settings.web_acl_arn, expected)
    if settings.alarm_email and not re.fullmatch(r"[^@\s]+@[^@\s]+", settings.alarm_email):
        raise _wrong("alarm_email", settings.alarm_email, "an e-mail address")


def _wrong(name: str, value: object, expected: str) -> SettingsError:
    return SettingsError(f"setting {name} is '{value}': use {expected} (-c {name}=…)")
