"""AWS's clients, turned to the local AWS."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config


class LocalSession:
    """`aws` is `Emulator.client_environment`: clients are the account's owner."""

    def __init__(self, aws: Mapping[str, str]) -> None:
        self._aws = aws
        self._session = boto3.Session(
            aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
            region_name=aws["AWS_REGION"],
        )
        self._clients: list[Any] = []

    def client(self, service: str, **options: Any) -> Any:
        """Of the service; `options` are botocore's."""
        made: Any = self._session.client(  # type: ignore[call-overload] # its names are literals
            service,
            endpoint_url=self._aws["AWS_ENDPOINT_URL"],
            verify=self._aws["AWS_CA_BUNDLE"],
            config=Config(max_pool_connections=32, **options),
        )
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Close what is open to the local AWS, which would wait for it half a minute when it stops.

        The clients open anew what they need.
        """
        for client in self._clients:
            client.close()
