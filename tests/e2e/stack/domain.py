"""The domain's endpoint: TLS before OpenSearch, for signed requests that IAM allows the caller."""

import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e.stack.certificate import Certificate
from tests.e2e.stack.docker import docker, labelled
from tests.e2e.stack.opensearch import SNAPSHOTS
from tests.e2e.stack.session import LocalSession

_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/\d{8}/(?P<region>[\w-]+)/es/aws4_request, "
    r"SignedHeaders=(?P<headers>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
TIMEOUT_S = 60.0
_REPOSITORY = re.compile(r"/_snapshot/[^/]+")


@dataclass(frozen=True, slots=True)
class DomainRequest:
    """What a client sent; headers by their names in small letters."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


Refusal = Callable[[DomainRequest], str]
"""Why a request is refused; "" if it is not."""


@contextmanager
def serving_domain(
    address: tuple[str, int], opensearch_port: int, certificate: Certificate, refusal: Refusal
) -> Iterator[None]:
    """Answer on this machine's address for what stands behind the other port."""

    class Handler(_Handler):
        pass

    Handler.opensearch_port = opensearch_port
    Handler.refusal = staticmethod(refusal)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.public, certificate.key)
    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    # The handshake is done by the thread that serves the connection, which may fail alone.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    opensearch_port: int
    refusal: Refusal
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client went away
            self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = f"https://{self.headers.get('Host', '')}{self.path}"
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = DomainRequest(self.command, url, headers, body)
        refusal = self.refusal(request)
        if refusal:
            self._answer(403, "application/json", _problem(refusal))
        else:
            repository = _bucket_repository(request)
            self._pass_on(_in_folder(repository) if repository else body)

    def _pass_on(self, body: bytes) -> None:
        connection = HTTPConnection("127.0.0.1", self.opensearch_port, timeout=TIMEOUT_S)
        wanted = {
            name: value
            for name in ("Accept-Encoding", "Content-Encoding", "Content-Type")
            if (value := self.headers.get(name))
        }
        try:
            connection.request(self.command, self.path, body, wanted)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            self._answer(503, "application/json", _problem("Service Unavailable"))
        else:
            kind = response.headers.get("Content-Type", "application/json")
            self._answer(
                response.status, kind, content, response.headers.get("Content-Encoding", "")
            )
        finally:
            connection.close()

    def _answer(self, status: int, kind: str, content: bytes, encoding: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def _bucket_repository(request: DomainRequest) -> Mapping[str, str]:
    """The settings of a repository of snapshots in S3, if the request is about one."""
    if request.method != "PUT" or not _REPOSITORY.fullmatch(urlsplit(request.url).path):
        return {}
    asked: Mapping[str, Mapping[str, str]] = json.loads(request.body)
    return asked["settings"]


def _in_folder(repository: Mapping[str, str]) -> bytes:
    """The repository in the engine's file system: its image has no plugin for S3."""
    location = f"{SNAPSHOTS}/{repository['bucket']}"
    return json.dumps({"type": "fs", "settings": {"location": location}}).encode()


def _problem(message: str) -> bytes:
    return json.dumps({"Message": message}).encode()


@dataclass(frozen=True, slots=True)
class _Caller:
    secret: str
    function: str = ""
    """Empty for the account's owner."""


class DomainPermissions:
    """What the deployed roles may do in the domain, as the emulator's IAM decides it."""

    def __init__(self, aws: Mapping[str, str], label: str) -> None:
        self.session = LocalSession(aws)
        self._iam = self.session.client("iam")
        self._functions = self.session.client("lambda")
        self._domains = self.session.client("opensearch")
        self._label = label
        owner = _Caller(aws["AWS_SECRET_ACCESS_KEY"])
        self._callers = {aws["AWS_ACCESS_KEY_ID"]: owner}

    def refusal(self, request: DomainRequest) -> str:
        """Why the request is refused; "" if it is not."""
        signed = _SIGNED.fullmatch(request.headers.get("authorization", ""))
        if signed is None:
            return "Missing Authentication Token"
        caller = self._caller(signed["key"])
        if caller is None:
            return "The security token included in the request is invalid."
        if _signature(request, caller.secret, signed) != signed["signature"]:
            return "The request signature we calculated does not match the signature you provided."
        action = f"es:ESHttp{request.method.capitalize()}"
        if caller.function and not self._allows(caller.function, action, request):
            return f"{caller.function} is not authorized to perform: {action}"
        repository = _bucket_repository(request)
        return self._refusal_of_bucket(repository) if repository else ""

    def _refusal_of_bucket(self, repository: Mapping[str, str]) -> str:
        """Why the service could keep no snapshots there, in the role that it is given."""
        arn, bucket = repository["role_arn"], f"arn:aws:s3:::{repository['bucket']}"
        role = self._iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        trusted = [each["Principal"] for each in role["AssumeRolePolicyDocument"]["Statement"]]
        if trusted != [{"Service": "es.amazonaws.com"}]:
            return f"Cannot assume role {arn}"
        needed = {"s3:ListBucket": bucket} | {
            f"s3:{action}Object": f"{bucket}/index-0" for action in ("Delete", "Get", "Put")
        }
        lacking = [action for action, on in needed.items() if not self._may(arn, action, on)]
        return f"{arn} is not authorized to perform: {lacking}" if lacking else ""

    def _allows(self, function: str, action: str, request: DomainRequest) -> bool:
        role = self._functions.get_function_configuration(FunctionName=function)["Role"]
        # All domains are this one.
        names = [each["DomainName"] for each in self._domains.list_domain_names()["DomainNames"]]
        described = self._domains.describe_domains(DomainNames=names)["DomainStatusList"]
        path = urlsplit(request.url).path
        return any(self._may(role, action, f"{each['ARN']}{path}") for each in described)

    def _may(self, role: str, action: str, resource: str) -> bool:
        answer = self._iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
        )
        return bool(answer["EvaluationResults"][0]["EvalDecision"] == "allowed")

    def _caller(self, access_key: str) -> _Caller | None:
        """The owner, or the function whose container has been given this key."""
        if access_key not in self._callers:
            containers = labelled(self._label)
            described = json.loads(docker("inspect", *containers)) if containers else []
            for each in described:
                variables = dict(entry.split("=", 1) for entry in each["Config"]["Env"])
                self._callers[variables["AWS_ACCESS_KEY_ID"]] = _Caller(
                    variables["AWS_SECRET_ACCESS_KEY"], variables["AWS_LAMBDA_FUNCTION_NAME"]
                )
        return self._callers.get(access_key)


def _signature(request: DomainRequest, secret: str, signed: re.Match[str]) -> str:
    """What the secret's owner would have signed."""
    if request.headers.get("x-amz-content-sha256", "") != sha256(request.body).hexdigest():
        return ""
    names = set(signed["headers"].split(";")) - {"host"}
    again = AWSRequest(
        request.method,
        request.url,
        data=request.body,
        headers={name: request.headers.get(name, "") for name in names},
    )
    again.context["timestamp"] = request.headers.get("x-amz-date", "")
    signer = SigV4Auth(Credentials(signed["key"], secret), "es", signed["region"])
    return str(
        signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    )
