"""The certificate behind which the local AWS and the local domain answer."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files; whoever trusts `public` trusts the server that has `key`."""

    public: Path
    key: Path


def certificate_for(address: str, folder: Path) -> Certificate:
    """One that vouches for itself; the folder's as long as it is good, for clients trust it."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    if made.key.exists():
        known = x509.load_pem_x509_certificate(made.public.read_bytes())
        ends = known.not_valid_after_utc - datetime.timedelta(days=7)
        names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if address in map(str, names.get_values_for_type(x509.IPAddress)) and ends > _now():
            return made
    _make(address, made)
    return made


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _make(address: str, made: Certificate) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "facesearch on this machine")])
    now = _now()
    names = [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", address)]
    signed = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made.public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    made.key.touch(0o600)
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
