"""What an OpenSearch URL may say, and that its password goes nowhere."""

import pytest

from facesearch.errors import SettingsError
from facesearch.stores import open_store
from facesearch.stores.opensearch.settings import IndexShape, OpenSearchSettings


def test_url_with_host_alone_gets_the_defaults() -> None:
    settings = OpenSearchSettings.from_url("opensearch://localhost")
    assert (settings.host, settings.port, settings.index) == ("localhost", 9200, "faces")
    assert settings.shape == IndexShape()
    assert not settings.tls
    assert settings == OpenSearchSettings("localhost", 9200)


def test_url_with_everything_is_read() -> None:
    settings = OpenSearchSettings.from_url(
        "opensearch+https://us%40er:p%2Fw@search.example.com:9201/my-faces?m=32&ef_construction=256"
        "&shards=3&compression=4x&replicas=2&refresh_interval=500ms&refresh=wait_for&ef_search=300"
        "&connect_timeout=1&timeout=2.5&write_timeout=60&retry=5"
    )
    assert settings == OpenSearchSettings(
        host="search.example.com",
        port=9201,
        index="my-faces",
        tls=True,
        user="us@er",
        password="p/w",  # noqa: S106
        shape=IndexShape(m=32, ef_construction=256, shards=3, compression="4x"),
        replicas=2,
        refresh_interval="500ms",
        refresh="wait_for",
        ef_search=300,
        connect_timeout_s=1,
        timeout_s=2.5,
        write_timeout_s=60,
        retry_s=5,
    )


def test_aws_url_is_tls_on_443_in_its_region() -> None:
    settings = OpenSearchSettings.from_url("opensearch+aws://x.es.amazonaws.com/f?region=eu-west-1")
    assert (settings.port, settings.tls, settings.aws) == (443, True, True)
    assert settings.region == "eu-west-1"


def test_ipv6_host_is_named_in_brackets() -> None:
    assert OpenSearchSettings.from_url("opensearch://[::1]/f").name == "opensearch://[::1]:9200/f"


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ("localhost/faces?m=1", "m is '1'"),
        ("localhost/faces?m=many", "m is 'many'"),
        ("localhost/faces?m=²", "m is '²'"),
        ("localhost/faces?ef_search=50", "ef_search is '50', use a whole number from 100"),
        ("localhost/faces?shards=0", "shards"),
        ("localhost/faces?replicas=-1", "replicas"),
        ("localhost/faces?compression=2x", "compression"),
        ("localhost/faces?refresh=yes", "refresh is 'yes'"),
        ("localhost/faces?refresh_interval=1h", "refresh_interval"),
        ("localhost/faces?timeout=0", "timeout"),
        ("localhost/faces?timeout=inf", "timeout"),
        ("localhost/faces?region=eu/1", "region"),
        ("localhost/faces?ef=10", "no option 'ef'"),
        ("localhost/faces?m=16&m=32", "twice"),
        ("localhost/Faces", "'Faces' cannot be an index"),
        ("localhost/a/b", "'a/b' cannot be an index"),
        ("localhost/_all", "'_all' cannot be an index"),
        ("localhost/faces-000001", "faces-000001"),
        ("localhost:port/faces", "port"),
        ("localhost:99999/faces", "port"),
        ("/faces", "opensearch://host:9200/index"),
        ("two hosts/faces", "opensearch://host:9200/index"),
    ],
)
def test_url_with_a_mistake_is_refused_naming_it_and_never_the_password(
    rest: str, named: str
) -> None:
    for credentials in ("", "user:s3cr/t?@"):
        with pytest.raises(SettingsError) as raised:
            OpenSearchSettings.from_url(f"opensearch://{credentials}{rest}")
        assert "s3cr" not in str(raised.value)
        if not credentials:
            assert named in str(raised.value)


def test_password_is_in_no_representation() -> None:
    settings = OpenSearchSettings.from_url("opensearch://user:s3cret@localhost/faces")
    assert "s3cret" not in f"{settings!r} {settings} {settings.name}"


def test_unknown_scheme_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError, match="opensearch://host") as raised:
        open_store("opensearchs://user:s3cret@localhost/faces", None)
    assert "s3cret" not in str(raised.value)


def test_aws_url_with_a_user_is_refused() -> None:
    with pytest.raises(SettingsError, match="leave out the user"):
        OpenSearchSettings.from_url("opensearch+aws://user:s3cret@host/faces?region=eu-west-1")
