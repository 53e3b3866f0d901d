"""`sam local start-api`: API Gateway and the search function, from the template."""

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.stack.config import ARCHITECTURE, ROOT, Config
from tests.e2e.stack.docker import need_image
from tests.e2e.stack.errors import StackError
from tests.e2e.stack.function import IMAGE

REQUIREMENTS = Path(__file__).parents[1] / "requirements-sam.txt"


def need_sam() -> Path:
    """SAM's command, in an environment of its own: it pins what we use otherwise."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / "build" / f"sam-{key}"
    ready = folder / "ready"
    if not ready.exists():
        print("== Setting up SAM (once)", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
        pinned = ["--require-hashes", "--no-deps", f"--requirement={REQUIREMENTS}"]
        if subprocess.run([*pip, *pinned], check=False).returncode != 0:
            raise StackError("pip could not install SAM: its reason is above")
        ready.touch()
    return folder / "bin" / "sam"


def start_api(
    sam: Path, config: Config, template: Path, environment: Mapping[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    """It makes the container at the first request and keeps it, as Lambda would."""
    for tag in ("", f"-{ARCHITECTURE}"):
        need_image(f"{IMAGE}{tag}")
    command = [
        *(str(sam), "local", "start-api", "--skip-pull-image", "--warm-containers=LAZY"),
        *("--no-watch", f"--template={template}", f"--region={config.region}"),
        *("--host=127.0.0.1", f"--port={config.api_port}", f"--docker-network={config.name}"),
        f"--layer-cache-basedir={config.folder / 'sam-layers'}",
    ]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env={**_own_environment(), "SAM_CLI_TELEMETRY": "0", **environment},
            cwd=template.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _own_environment() -> dict[str, str]:
    """What SAM itself needs: it would let a shell's variable win over the template's."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in ("HOME", "PATH") or name.startswith("DOCKER_")
    }
