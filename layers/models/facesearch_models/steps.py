"""The build's steps; each leaves its files complete, so that the next build need not repeat it."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import msgspec
import onnx

from facesearch.files import complete_file, make_private_folder
from facesearch_models.calibration import load_calibration
from facesearch_models.convert import convert
from facesearch_models.download import download_archive, read_file, read_files, sha256, verify
from facesearch_models.errors import BuildError
from facesearch_models.manifest import INDEX, Manifest, Source
from facesearch_models.mirror import Mirror
from facesearch_models.mtcnn import build_detector
from facesearch_models.quantise import quantise
from facesearch_models.report import Report

WORK = ".build"
MAX_INDEX_BYTES = 1 << 20
_SAMPLE = re.compile(r"sample/(train|val)/[a-z_]+/[a-z_]+_\d+\.jpg\Z")

VERSIONS = "Install the pinned packages (requirements.txt) and build again"


@dataclass(frozen=True, slots=True)
class Entry:
    """What `models.json` says of a file; `source` is the PyPI package and its version."""

    bytes: int
    sha256: str
    licence: str
    source: str
    about: str


class _Index(msgspec.Struct):
    files: dict[str, Entry]


class Build:
    """One build into a folder that no other build is using."""

    def __init__(
        self,
        target: Path,
        manifest: Manifest,
        report: Report,
        *,
        offline: bool = False,
        mirror: Mirror | None = None,
    ) -> None:
        self._target = target
        self._work = target / WORK
        self._manifest = manifest
        self._report = report
        self._offline = offline
        self._mirror = mirror
        self._entries: dict[str, Entry] = {}

    def run(self, key: str) -> None:
        make_private_folder(self._work)
        built = self._built_elsewhere()
        archives = (
            {}
            if built
            else {
                name: download_archive(
                    source, self._work, self._report, offline=self._offline, mirror=self._mirror
                )
                for name, source in self._manifest.sources.items()
            }
        )
        # Until there is a new index, the folder may hold files of two builds and counts as empty.
        (self._target / INDEX).unlink(missing_ok=True)
        if built:
            self._copy(built)
        else:
            self._embedder(archives["facenet"])
            self._detector(archives["mtcnn"])
            self._sample(archives[self._manifest.sample.source])
        files = {name: asdict(entry) for name, entry in self._entries.items()}
        self._write(INDEX, json.dumps({"key": key, "files": files}, indent=1).encode())
        shutil.rmtree(self._work)

    def _built_elsewhere(self) -> dict[str, Entry]:
        """What the mirror's `models.json` names, if it has one with all that this build makes."""
        index = self._work / INDEX
        if not (self._mirror and self._mirror.copy(INDEX, index, MAX_INDEX_BYTES, self._report)):
            return {}
        try:
            entries = msgspec.json.decode(index.read_bytes(), type=_Index).files
        except msgspec.MsgspecError as error:
            raise BuildError(f"{self._mirror.place}/{INDEX} is damaged: {error}") from error
        wanted = {name for name in entries if name in self._manifest.outputs or _SAMPLE.match(name)}
        if not self._manifest.outputs.keys() <= wanted:
            raise BuildError(
                f"{self._mirror.place} holds models of another version: build it anew with this one"
            )
        return {name: entries[name] for name in sorted(wanted)}

    def _copy(self, built: Mapping[str, Entry]) -> None:
        """Copy what the mirror has built; the models are the manifest's, whatever it says."""
        if self._mirror is None:
            return
        size = sum(entry.bytes for entry in built.values())
        self._report.step(f"Copying built models ({size / 1e6:.1f} MB) from {self._mirror.place}")
        part = self._work / "copied"
        for name, entry in built.items():
            output = self._manifest.outputs.get(name)
            if not self._mirror.copy(name, part, entry.bytes, self._report):
                raise BuildError(f"{self._mirror.place} holds no {name}: it is incomplete")
            content = part.read_bytes()
            verify(name, content, output.sha256 if output else entry.sha256, "Build it anew there")
            self._write(name, content)
            self._entries[name] = entry

    def _embedder(self, archive: Path) -> None:
        source = self._manifest.sources["facenet"]

        def converted() -> bytes:
            self._report.step("Converting FaceNet to ONNX")
            (path,) = source.files
            return _serialised(convert(BytesIO(read_file(source, archive, path))))

        def quantised() -> bytes:
            self._report.step("Quantising FaceNet to 8 bits")
            return _serialised(quantise(onnx.load_from_string(precise), load_calibration()))

        precise = self._output("facenet-fp32.onnx", converted)
        self._output("facenet-int8.onnx", quantised)

    def _detector(self, archive: Path) -> None:
        self._report.step("Rewriting MTCNN, the face detector")
        source = self._manifest.sources["mtcnn"]
        published = {Path(path).stem: read_file(source, archive, path) for path in source.files}
        for name, content in build_detector(**published).items():
            self._output(name, lambda: content)  # noqa: B023 (called at once)

    def _output(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return an output of the manifest, made unless an earlier build already did."""
        output = self._manifest.outputs[name]
        path = self._target / name
        content = path.read_bytes() if path.exists() else b""
        if sha256(content) != output.sha256:
            content = verify(name, make(), output.sha256, VERSIONS)
            self._write(name, content)
        self._enter(name, content, self._manifest.sources[output.source], output.about)
        return content

    def _sample(self, archive: Path) -> None:
        self._report.step("Unpacking the sample photos")
        sample = self._manifest.sample
        source = self._manifest.sources[sample.source]
        for name, content in _sample_photos(source, archive, sample.folder):
            path = f"sample/{name}"
            self._write(path, content)
            self._enter(path, content, source, sample.about)

    def _enter(self, name: str, content: bytes, source: Source, about: str) -> None:
        self._entries[name] = Entry(
            bytes=len(content),
            sha256=sha256(content),
            licence=source.licence,
            source=f"{source.package} {source.version}",
            about=about,
        )

    def _write(self, name: str, content: bytes) -> None:
        """A file of the target is complete or absent, whenever the build is killed."""
        path = self._target / name
        make_private_folder(path.parent)
        with complete_file(path, work=self._work) as file:
            file.write(content)


def _sample_photos(source: Source, archive: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    """Each photo as `<train|val>/<person>/<person>_<number>.jpg` and its content.

    The archive's own names are long and made of web addresses; they decide the numbers.
    """
    pattern = re.compile(re.escape(folder) + r"/(train|val)/([a-z_]+)/[^/]+\.jpg")
    found = {
        path: (match, content)
        for path, content in read_files(source, archive, folder)
        if (match := pattern.fullmatch(path))
    }
    numbers: dict[str, int] = {}
    for path in sorted(found):
        match, content = found[path]
        part, person = match.groups()
        place = f"{part}/{person}"
        numbers[place] = numbers.get(place, 0) + 1
        yield f"{place}/{person}_{numbers[place]:02}.jpg", content


def _serialised(model: onnx.ModelProto) -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content
