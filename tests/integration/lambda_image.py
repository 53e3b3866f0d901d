"""The Lambda runtime image with the built layers: for tests and for the cold start's benchmark."""

import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from facesearch.recipes.finding import built_in
from layers.dependencies.build import build_dependencies
from layers.dependencies.models_layer import build_models

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
IMAGE = "public.ecr.aws/lambda/python:3.13"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
_BYTE_CODE = shutil.ignore_patterns("__pycache__")


def why_not() -> str | None:
    """Why the image cannot run here; None if it can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    asked = subprocess.run(
        ["docker", "image", "inspect", IMAGE], capture_output=True, text=True, check=False
    )
    if asked.returncode == 0:
        return None
    pulled = subprocess.run(["docker", "pull", IMAGE], capture_output=True, text=True, check=False)
    return (
        None if pulled.returncode == 0 else f"docker cannot pull {IMAGE}: {pulled.stderr.strip()}"
    )


def assemble_layers(models: Path, opt: Path) -> None:
    """Build the layers, and put them together in `opt` as Lambda does in /opt."""
    layers = ROOT / "build" / "layers"
    build_dependencies(ARCHITECTURE, layers / f"dependencies-{ARCHITECTURE}")
    build_models(models, layers / "models", built_in("facenet"))
    for layer in (layers / f"dependencies-{ARCHITECTURE}", layers / "models"):
        shutil.copytree(layer, opt, dirs_exist_ok=True)
    shutil.copytree(ROOT / "layers/facesearch", opt, ignore=_BYTE_CODE, dirs_exist_ok=True)


def assemble_function(package: str, task: Path) -> None:
    """Put the code of one function in `task` as Lambda does in /var/task."""
    shutil.copytree(FUNCTIONS / package, task, dirs_exist_ok=True, ignore=_BYTE_CODE)


def run_in_image(
    opt: Path,
    folders: Mapping[Path, str],
    *arguments: str,
    cpus: int | None = None,
    environment: Mapping[str, str] | None = None,
    memory_mb: int | None = None,
) -> str:
    """What Lambda's Python prints, without a network; `folders` says what to mount where.

    Raises `CalledProcessError` when it fails.
    """
    mounts = [f"--volume={host}:{inside}:ro" for host, inside in {opt: "/opt", **folders}.items()]
    # As Lambda's own start sets it, and where it looks for handlers.
    variables = {"PYTHONPATH": "/opt/python:/var/runtime:/var/task", **(environment or {})}
    settings = [f"--env={name}={value}" for name, value in variables.items()]
    limits = [f"--cpus={cpus}"] if cpus else []
    if memory_mb:
        limits += [f"--memory={memory_mb}m", f"--memory-swap={memory_mb}m"]
    run = ["docker", "run", "--rm", "--network=none", "--entrypoint=python3.13", *limits]
    command = [*run, *settings, *mounts, IMAGE, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout
