"""Builds the Lambda layer of third-party packages, the same bytes everywhere.

The packages come from pip for Lambda's platform, lose what the functions never import, and are
compiled: the layer is read-only, so that Python would otherwise compile them at every cold start.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from filelock import FileLock

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's names of its architectures, and Python's."""

GLIBC_MINORS = range(34, 16, -1)
"""Wheels for any of these versions run in Lambda: Amazon Linux 2023 has glibc 2.34."""

UNUSED = (
    "bin",
    "**/*.pyi",
    "**/*.pxd",
    "**/*.h",
    "**/tests",
    # Its style and script are served.
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.py",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "boto3/data",
    "boto3/examples",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/_core/_simd.*",
    "numpy/_core/*_tests.*",
    "numpy/_pyinstaller",
    "numpy/f2py",
    "numpy/fft",
    "numpy/ma",
    "numpy/polynomial",
    "numpy/random",
    "numpy/testing",
    "onnxruntime/backend",
    # The runtime for C programs: Python's has everything linked in.
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "opensearchpy/_async/client",
    "opensearchpy/_async/plugins",
    # Fonts, colour management and windows.
    "PIL/_imagingcms.*",
    "PIL/_imagingft.*",
    "PIL/_imagingtk.*",
    "pillow.libs/libbrotli*",
    "pillow.libs/libfreetype*",
    "pillow.libs/libharfbuzz*",
    "pillow.libs/liblcms2*",
    "pillow.libs/libpng16*",
)
"""What no function imports, relative to `python/`. Each must match: upgrades are to be noticed."""

AWS_SERVICES = ("s3", "sqs")
"""The only ones of botocore's 400 service descriptions that stay."""

IMAGE_PLUGINS = ("Avif", "Bmp", "Gif", "Jpeg", "Mpo", "Png", "Ppm", "Tiff", "WebP")
"""Pillow's that stay: those for the formats that `facesearch.vision.images` reads, and PPM, which
Pillow imports at its start. It goes on without the others."""

LEGAL = ("METADATA", "LICENSE*", "LICENCE*", "NOTICE*", "COPYING*", "licenses")
"""What stays of a `.dist-info` folder: the version and the terms."""

EPOCH = 315_532_800
"""1980, the earliest time that a zip file can hold."""


class LayerBuildError(click.ClickException):
    """A layer cannot be built; the message names the cause and the fix, or points above."""


@click.command()
@click.option("--architecture", type=click.Choice(list(MACHINES)), required=True)
@click.option("--target", type=click.Path(path_type=Path, file_okay=False), required=True)
def main(architecture: str, target: Path) -> None:
    """Build the layer of third-party packages in TARGET."""
    build_dependencies(architecture, target)


def build_dependencies(architecture: str, target: Path) -> None:
    """Fill `target` with the layer for `x86_64` or `arm64`, unless it is up to date.

    Raises `LayerBuildError` when pip fails or Python 3.13 is missing.
    """
    compiler, version = _python_of_lambda()

    def fill(layer: Path) -> None:
        _install(architecture, layer / "python")
        _trim(layer / "python")
        _compile(compiler, layer)

    inputs = (REQUIREMENTS.read_bytes(), architecture.encode(), version.encode())
    renew(target, inputs, fill)


def renew(target: Path, inputs: Iterable[bytes], fill: Callable[[Path], None]) -> None:
    """Have `fill` write the layer anew, unless `target` was made from the same inputs and code.

    The new layer takes the old one's place at once: a build that fails or is interrupted leaves
    the old one. Builds of one target wait for each other.
    """
    key = _key(inputs)
    key_file = target.with_name(f"{target.name}.key")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f"{target.name}.lock")):
        if target.is_dir() and key_file.is_file() and key_file.read_text() == key:
            _say(f"{target} is up to date")
            return
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as scratch:
            layer = Path(scratch) / "new"
            layer.mkdir()
            fill(layer)
            _normalise(layer)
            key_file.unlink(missing_ok=True)
            if target.exists():
                target.rename(Path(scratch) / "old")
            layer.rename(target)
            key_file.write_text(key)
    _say(f"{target} is ready: {_size(target) / 1e6:.1f} MB")


def _key(inputs: Iterable[bytes]) -> str:
    code = Path(__file__).read_bytes()
    digests = [hashlib.sha256(each).digest() for each in (code, *inputs)]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _install(architecture: str, packages: Path) -> None:
    _say(f"Fetching the packages for Lambda on {architecture}")
    machine = MACHINES[architecture]
    glibc = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS]
    platforms = [f"--platform={each}" for each in (*glibc, f"manylinux2014_{machine}")]
    pip = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    kind = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.13", *platforms]
    pinned = ["--require-hashes", "--no-deps", f"--requirement={REQUIREMENTS}"]
    _run(
        [*pip, *kind, *pinned, "--no-compile", f"--target={packages}"],
        "pip could not fetch the packages: its reason is above",
    )


def _trim(packages: Path) -> None:
    for pattern in UNUSED:
        found = list(packages.glob(pattern))
        if not found:
            raise LayerBuildError(f"'{pattern}' is in no package any more: remove it from UNUSED")
        for path in found:
            _remove(path)
    for service in (packages / "botocore/data").iterdir():
        if service.is_dir() and service.name not in AWS_SERVICES:
            _remove(service)
    for plugin in packages.glob("PIL/*ImagePlugin.py"):
        if plugin.name.removesuffix("ImagePlugin.py") not in IMAGE_PLUGINS:
            _remove(plugin)
    for info in packages.glob("*.dist-info"):
        for path in info.iterdir():
            if not any(path.match(pattern) for pattern in LEGAL):
                _remove(path)


def _compile(compiler: str, layer: Path) -> None:
    """Replace the sources by byte code: half the files, and 10 MB less.

    Tracebacks still name the file and line of the source.
    """
    _say("Compiling for Python 3.13")
    compileall = [compiler, "-s", "-m", "compileall", "-q", "-b", "-o", "0"]
    paths = ["-s", str(layer), "-p", "/opt", str(layer / "python")]
    _run(
        [*compileall, "--invalidation-mode=unchecked-hash", *paths],
        "a package does not compile: the reason is above",
    )
    for source in layer.glob("python/**/*.py"):
        _remove(source)


def _python_of_lambda() -> tuple[str, str]:
    """The Python 3.13 that compiles, and its version. Byte code of others would not load."""
    question = "import platform, sys; print(platform.python_version(), sys.executable)"
    for candidate in (sys.executable, "python3.13", _ask("uv", "python", "find", "3.13")):
        version, _, path = _ask(candidate, "-c", question).partition(" ")
        if version.startswith("3.13."):
            return path, version
    raise LayerBuildError(
        "the layer is compiled for Lambda's Python 3.13, which is not on the PATH: install it, "
        "for example with 'uv python install 3.13'"
    )


def _ask(*command: str) -> str:
    """What a command answers; nothing when it fails or does not exist."""
    if shutil.which(command[0]) is None:
        return ""
    # With pyenv, python3.13 is on the PATH but runs only when its version is chosen.
    environment = os.environ | {"PYENV_VERSION": "3.13"}
    asked = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def _normalise(folder: Path) -> None:
    """Times and modes that depend on neither the machine nor the moment."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _run(command: list[str], failure: str) -> None:
    """What it prints is progress. Byte code shows the order of sets, which is fixed here."""
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)  # noqa: S603
    if done.returncode != 0:
        raise LayerBuildError(failure)


def _say(progress: str) -> None:
    # The CDK reads what its app prints on standard output.
    click.echo(f"== {progress}", err=True)


if __name__ == "__main__":
    main()
