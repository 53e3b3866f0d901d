"""Find faces in photos, embed them, and search them by nearest neighbour."""

import os
import sys
import warnings

__version__ = "0.1.0"

_TELEMETRY = "ORT_DISABLE_TELEMETRY"


def _switch_telemetry_off() -> None:
    """Nothing of what runs here is told to anybody: ONNX Runtime reads this as it is loaded.

    By default it reports to its maker ten seconds after the first model has run, and leaves a
    device's id and a database in the user's cache.
    """
    if "onnxruntime" in sys.modules and os.environ.get(_TELEMETRY) != "1":
        warnings.warn(
            "onnxruntime was imported before facesearch: its telemetry is on. Import facesearch "
            f"first, or set {_TELEMETRY}=1",
            stacklevel=3,
        )
    os.environ[_TELEMETRY] = "1"


_switch_telemetry_off()
