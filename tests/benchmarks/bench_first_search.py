"""How long a new user waits: a fresh container with only Python, two commands, and a search.

    pip install facesearch            the wheel and its packages, from links on loopback
    facesearch index PHOTOS           fetches the models from there, too, then indexes
    facesearch search PHOTO           nothing is left to be done

What the network would add is the download: the packages' and models' bytes are printed. The image
needs Python 3.13 with venv (`python -m tests.integration.base_image` makes one).
"""

import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

from facesearch_models.download import download_archive
from facesearch_models.manifest import load_manifest
from tests.integration.base_image import STAND_IN
from tests.integration.wheelhouse import ROOT, download_wheels, links
from tests.recorded_steps import RecordedSteps

VENV = "/opt/new"


def timed(container: str, *command: str) -> float:
    """Run a command in the container, and return its seconds."""
    start = time.monotonic()
    subprocess.run(["docker", "exec", container, *command], check=True)
    return time.monotonic() - start


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder with photos to index")
    parser.add_argument("photo", type=Path, help="a photo to search with")
    parser.add_argument("--image", default=STAND_IN)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index, photos = Path(folder, "index"), Path(folder, "photos")
        index.mkdir()
        download_wheels(index)
        for source in load_manifest().sources.values():
            download_archive(source, index, RecordedSteps())
        tree = Path(folder, "tree")
        tree.mkdir()
        archive = subprocess.run(
            ["git", "-C", ROOT, "archive", "HEAD"], check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)
        wheel: list[str | Path] = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            index,
        ]
        subprocess.run([*wheel, "--no-build-isolation", tree], check=True)
        shutil.copytree(asked.photos, photos / "all", copy_function=shutil.copyfile)
        shutil.copyfile(asked.photo, photos / "query.jpg")
        size = sum(each.stat().st_size for each in index.iterdir()) / 1e6
        with links(index) as address:
            run = ["docker", "run", "--rm", "--detach", "--network=host", "--env=PIP_NO_INDEX=1"]
            run += [f"--env=PIP_FIND_LINKS={address}", f"--volume={photos}:/photos:ro"]
            container = subprocess.run(
                [*run, asked.image, "sleep", "3600"], check=True, capture_output=True, text=True
            ).stdout.strip()
            try:
                # Debian's Python installs into virtual environments only; it is no step of pipx.
                timed(container, "python3", "-m", "venv", VENV)
                seconds = {
                    "pip install facesearch": timed(
                        container, f"{VENV}/bin/pip", "install", "--quiet", "facesearch"
                    ),
                    "facesearch index /photos/all": timed(
                        container, f"{VENV}/bin/facesearch", "index", "/photos/all"
                    ),
                    "facesearch search /photos/query.jpg": timed(
                        container,
                        *(f"{VENV}/bin/facesearch", "search", "/photos/query.jpg", "--k", "3"),
                    ),
                }
            finally:
                subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    for command, took in seconds.items():
        print(f"{took:6.1f} s  {command}")
    print(f"{sum(seconds.values()):6.1f} s  in all; {size:.0f} MB would come over the network")


if __name__ == "__main__":
    main()
