"""What a developer may choose about a local stack, and what it tells when it is up."""

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class Config:
    """Names and ports; several stacks run side by side when both differ."""

    name: str
    aws_port: int
    domain_port: int
    opensearch_port: int
    region: str
    stage: str

    @property
    def folder(self) -> Path:
        """Everything of the stack that is not in a container."""
        return ROOT / "build" / "stack" / self.name

    @property
    def ports(self) -> dict[str, int]:
        """By the option that chooses them."""
        return {
            "--aws-port": self.aws_port,
            "--domain-port": self.domain_port,
            "--opensearch-port": self.opensearch_port,
        }

    @property
    def options(self) -> list[str]:
        """The command line's that choose all this."""
        ports = [f"{option}={port}" for option, port in self.ports.items()]
        return [f"--name={self.name}", f"--region={self.region}", f"--stage={self.stage}", *ports]

    @property
    def log_file(self) -> Path:
        return self.folder / "stack.log"

    @property
    def environment_file(self) -> Path:
        """For a shell: where AWS's clients find the local AWS."""
        return self.folder / "environment"

    @property
    def running_file(self) -> Path:
        """Holds `Running` while the stack is up."""
        return self.folder / "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """Where the parts of a running stack are."""

    pid: int
    aws: dict[str, str]
    """The environment in which AWS's clients reach it, and trust it."""
    opensearch_url: str

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, file: Path) -> "Running":
        return cls(**json.loads(file.read_text()))
