"""What other systems lack is not used there. Nothing here has run on macOS or Windows."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = "layers/facesearch/python", "layers/local", "layers/models", "functions/search_faces"


def checked(platform: str, *paths: str | Path) -> subprocess.CompletedProcess[str]:
    """Mypy's opinion, which knows of each module and name where it exists."""
    cache = ROOT / ".mypy_cache" / platform
    return subprocess.run(
        [sys.executable, "-m", "mypy", f"--platform={platform}", f"--cache-dir={cache}", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_nothing_is_used_that_another_system_lacks(platform: str) -> None:
    ended = checked(platform, *PACKAGES)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.slow
def test_the_check_sees_what_windows_lacks(tmp_path: Path) -> None:
    guarded = "import sys\nif sys.platform != 'win32':\n    import fcntl\n    fcntl.LOCK_EX\n"
    (tmp_path / "guarded.py").write_text(guarded)
    (tmp_path / "unguarded.py").write_text("import fcntl\nfcntl.LOCK_EX\n")
    told = checked("win32", tmp_path / "guarded.py", tmp_path / "unguarded.py").stdout
    assert "unguarded.py:2: error" in told
    assert "/guarded.py" not in told
