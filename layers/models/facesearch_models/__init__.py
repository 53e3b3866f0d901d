"""Downloads, converts and quantises the models."""

import facesearch  # noqa: F401 (before ONNX Runtime, whose telemetry it switches off)
