"""The settings in an OpenSearch store's URL: address, index shape, time-outs and retries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from facesearch.errors import SettingsError
from facesearch.planning.hnsw import hnsw_for
from facesearch.store_urls import without_password

DEFAULT_INDEX = "faces"
DEFAULT_PORT = 9200
AWS_PORT = 443
SCHEMES = ("opensearch", "opensearch+https", "opensearch+aws")

OPTIONS = (
    *("m", "ef_construction", "shards", "compression", "replicas", "refresh_interval"),
    *("refresh", "ef_search", "connect_timeout", "timeout", "write_timeout", "retry", "region"),
)

# A name that ends like one of our own indexes (faces-000001) would make two stores overlap.
_INDEX_NAME = re.compile(r"(?!.*-\d{6}$)[a-z0-9][a-z0-9_-]{0,127}")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_SECONDS = re.compile(r"(?:[1-9]\d{0,4}(?:ms|s|m)|-1)")


@dataclass(frozen=True, slots=True)
class IndexShape:
    """How an index is built. A change takes a new index (`facesearch reindex`).

    `m` and `ef_construction` are HNSW's. A higher `m` costs memory, a higher `ef_construction`
    slows writes, and either raises recall. `shards` spreads an index over nodes: use one for every
    30 GB or so. `compression` "4x" keeps a byte a dimension in memory instead of four: it takes a
    quarter of the memory and costs a little recall.
    """

    m: int = hnsw_for(0).m
    ef_construction: int = hnsw_for(0).ef_construction
    shards: int = 1
    compression: str = "1x"


@dataclass(frozen=True, slots=True)
class OpenSearchSettings:
    """An OpenSearch store and how to use it. `repr` leaves the password out.

    `replicas`: None means one as soon as there is a second node.
    `refresh_interval`: how soon a written photo can be found.
    `refresh`: "false" returns from a write at once; "wait_for" waits until its photos can be found;
    "true" makes them so, which is costly (for tests and small stores).
    `ef_search`: how many photos a search considers in each segment of a shard, 100 at least. More
    raises recall and costs little. None means that it follows the number of faces (`hnsw_for`).
    `timeout_s` limits a read, `write_timeout_s` a bulk request, `retry_s` a write with its retries.
    """

    host: str
    port: int
    index: str = DEFAULT_INDEX
    tls: bool = False
    aws: bool = False
    region: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    shape: IndexShape = field(default_factory=IndexShape)
    replicas: int | None = None
    refresh_interval: str = "1s"
    refresh: str = "false"
    ef_search: int | None = None
    connect_timeout_s: float = 3.0
    timeout_s: float = 10.0
    write_timeout_s: float = 30.0
    retry_s: float = 30.0

    @property
    def name(self) -> str:
        """The store as messages name it, without credentials."""
        scheme = "opensearch+aws" if self.aws else "opensearch+https" if self.tls else "opensearch"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.index}"

    @classmethod
    def from_url(cls, url: str) -> "OpenSearchSettings":
        """`opensearch://[user:password@]host[:9200]/[index][?option=value&…]`.

        Also `opensearch+https://` (TLS, verified) and `opensearch+aws://` (TLS, signed with the
        AWS credentials found in the usual places). Raises `SettingsError`.
        """
        shown = without_password(url)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _bad(shown, "its host or port is not understood") from error
        aws = parts.scheme == "opensearch+aws"
        if parts.scheme not in SCHEMES or not _HOST.fullmatch(parts.hostname or ""):
            raise _bad(shown, "use opensearch://host:9200/index")
        if aws and parts.username is not None:
            raise _bad(shown, "opensearch+aws signs with AWS credentials, leave out the user")
        options = _options(parts, shown)
        return cls(
            host=parts.hostname or "",
            port=port or (AWS_PORT if aws else DEFAULT_PORT),
            index=_index(parts.path, shown),
            tls=parts.scheme != "opensearch",
            aws=aws,
            region=options.text("region", r"[a-z0-9-]+", "an AWS region such as eu-west-1", ""),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            shape=_shape(options),
            replicas=options.replicas(),
            refresh_interval=options.text(
                "refresh_interval", _SECONDS.pattern, "a time such as 1s or 500ms", "1s"
            ),
            refresh=options.text(
                "refresh", "true|false|wait_for", "true, false or wait_for", "false"
            ),
            ef_search=options.ef_search(),
            connect_timeout_s=options.seconds("connect_timeout", 3.0),
            timeout_s=options.seconds("timeout", 10.0),
            write_timeout_s=options.seconds("write_timeout", 30.0),
            retry_s=options.seconds("retry", 30.0),
        )


class _Options:
    """The options in a URL. Errors name the option, its value and what it may be."""

    def __init__(self, values: Mapping[str, str], shown: str) -> None:
        self._values = values
        self._shown = shown

    def whole(self, name: str, least: int, most: int, default: int) -> int:
        text = self._values.get(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise self._bad(name, f"a whole number from {least} to {most}")
        return int(text)

    def replicas(self) -> int | None:
        if self._values.get("replicas", "auto") == "auto":
            return None
        if not re.fullmatch(r"[0-9]", self._values["replicas"]):
            raise self._bad("replicas", "a whole number from 0 to 9, or auto")
        return int(self._values["replicas"])

    def ef_search(self) -> int | None:
        if self._values.get("ef_search", "auto") == "auto":
            return None
        return self.whole("ef_search", 100, 10_000, 100)

    def seconds(self, name: str, default: float) -> float:
        text = self._values.get(name, str(default))
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or float(text) == 0:
            raise self._bad(name, "a number of seconds such as 5 or 0.5")
        return float(text)

    def text(self, name: str, pattern: str, meant: str, default: str) -> str:
        text = self._values.get(name, default)
        if text != default and not re.fullmatch(pattern, text):
            raise self._bad(name, meant)
        return text

    def _bad(self, name: str, meant: str) -> SettingsError:
        return _bad(self._shown, f"{name} is '{self._values[name]}', use {meant}")


def _options(parts: SplitResult, shown: str) -> _Options:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    unknown = [name for name, _ in pairs if name not in OPTIONS]
    if unknown:
        raise _bad(shown, f"there is no option '{unknown[0]}', use {', '.join(OPTIONS)}")
    if len(pairs) > len(dict(pairs)):
        raise _bad(shown, "an option is given twice")
    return _Options(dict(pairs), shown)


def _shape(options: _Options) -> IndexShape:
    default = IndexShape()
    return IndexShape(
        m=options.whole("m", 2, 100, default.m),
        ef_construction=options.whole("ef_construction", 8, 4096, default.ef_construction),
        shards=options.whole("shards", 1, 1024, 1),
        compression=options.text("compression", "1x|4x", "1x or 4x", "1x"),
    )


def _index(path: str, shown: str) -> str:
    name = path.strip("/") or DEFAULT_INDEX
    if not _INDEX_NAME.fullmatch(name):
        raise _bad(
            shown,
            f"'{name}' cannot be an index: use small letters, digits, - and _, a letter or digit "
            "first, and no number of six digits last",
        )
    return name


def _bad(shown: str, cause: str) -> SettingsError:
    return SettingsError(f"store '{shown}' is not understood: {cause}")
