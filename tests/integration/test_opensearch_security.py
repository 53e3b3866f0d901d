"""Who the store talks to, and what it says of itself: certificates, passwords, signatures."""

import datetime
import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from facesearch.errors import SettingsError, StoreUnavailable
from facesearch.stores import Counts, open_store
from tests.contract.samples import RECIPE, indexed, vector
from tests.integration.opensearch_proxy import ProxyAnswer, running_proxy
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)

MakeCertificate = Callable[[x509.GeneralName], Path]
THIS_HOST = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.fixture
def certificate(tmp_path: Path) -> MakeCertificate:
    """Makes a certificate that vouches for itself, with its key."""

    def make(name: x509.GeneralName) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        signed = (
            x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / "server.pem"
        file.write_bytes(
            signed.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return file

    return make


def test_certificate_of_unknown_authority_is_refused(
    opensearch_server: OpenSearchServer, index: str, certificate: MakeCertificate
) -> None:
    with (
        running_proxy(opensearch_server.host, certificate(THIS_HOST)) as proxy,
        open_store(f"opensearch+https://{proxy.host}/{index}", RECIPE) as store,
    ):
        with pytest.raises(StoreUnavailable, match=r"was not trusted.*SSL_CERT_FILE"):
            store.write([indexed("a")])
        assert proxy.seen == []


def test_certificate_of_another_host_is_refused(
    opensearch_server: OpenSearchServer,
    index: str,
    certificate: MakeCertificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = certificate(x509.DNSName("elsewhere.example"))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with (
        running_proxy(opensearch_server.host, file) as proxy,
        open_store(f"opensearch+https://{proxy.host}/{index}", RECIPE) as store,
    ):
        with pytest.raises(StoreUnavailable, match="was not trusted"):
            store.write([indexed("a")])
        assert proxy.seen == []


def test_certificate_of_a_named_authority_is_trusted(
    opensearch_server: OpenSearchServer,
    index: str,
    certificate: MakeCertificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = certificate(THIS_HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with (
        running_proxy(opensearch_server.host, file) as proxy,
        open_store(f"opensearch+https://{proxy.host}/{index}?refresh=true", RECIPE) as store,
    ):
        store.write([indexed("a", 1, [vector(1)])])
        assert store.counts() == Counts(1, 1)


def test_user_and_password_are_sent_and_never_shown(
    opensearch_server: OpenSearchServer, index: str
) -> None:
    with running_proxy(opensearch_server.host) as proxy:
        url = f"opensearch://us%40er:s3cr%2Fet@{proxy.host}/{index}"
        with open_store(url, RECIPE) as store:
            assert store.stored_recipe() is None
            [seen] = proxy.seen
            assert seen.headers["authorization"] == "Basic dXNAZXI6czNjci9ldA=="
            for status, meant in ((401, "credentials"), (403, "allow")):
                proxy.answers = [ProxyAnswer(status, b"Unauthorized", "text/plain")]
                with pytest.raises(StoreUnavailable, match=meant) as raised:
                    store.counts()
                assert "s3cr" not in f"{raised.value} {raised.value.__cause__} {store!r}"


def test_requests_to_aws_are_signed(
    opensearch_server: OpenSearchServer,
    index: str,
    certificate: MakeCertificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = certificate(THIS_HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    with running_proxy(opensearch_server.host, file) as proxy:
        url = f"opensearch+aws://{proxy.host}/{index}?region=eu-central-1&refresh=true"
        with open_store(url, RECIPE) as store:
            store.write([indexed("a", 1, [vector(1)])])
            assert store.search(vector(1), 1)
    assert len(proxy.seen) >= 4
    for seen in proxy.seen:
        signature = seen.headers["authorization"]
        assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "/eu-central-1/es/aws4_request" in signature
        assert seen.headers["x-amz-security-token"] == "token"
        assert "x-amz-content-sha256" in signature


@pytest.mark.parametrize(
    ("query", "region", "named"),
    [("", None, "region"), ("?region=eu-west-1", "eu-west-1", "credentials")],
)
def test_aws_without_region_or_credentials_says_so(
    query: str,
    region: str | None,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with (
        open_store(f"opensearch+aws://127.0.0.1/faces{query}", RECIPE) as store,
        pytest.raises(SettingsError, match=named),
    ):
        store.counts()
