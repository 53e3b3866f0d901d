"""A stand-in for the image python:3.13-slim, made of Debian's packages where none can be pulled.

`python -m tests.integration.base_image` makes it (root, debootstrap, Docker; two minutes).
"""

import subprocess
import tempfile
from pathlib import Path

BASE = "python:3.13-slim"
STAND_IN = "facesearch-test-python:3.13"
SUITE = "trixie"  # its Python is 3.13
PACKAGES = "python3-minimal,python3-venv,ca-certificates"


def make_stand_in() -> None:
    with tempfile.TemporaryDirectory(prefix="base-image-") as folder:
        root = Path(folder, "root")
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root], check=True
        )
        with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as packed:
            subprocess.run(["docker", "import", "-", STAND_IN], stdin=packed.stdout, check=True)


if __name__ == "__main__":
    make_stand_in()
