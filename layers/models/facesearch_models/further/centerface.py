"""Rewrites CenterFace, as published for 32 × 32 pixels, for pictures of any size.

Input `pixels` float32 (n, 3, height, width), RGB from 0 to 255, sides in multiples of 32. Outputs,
for cells of 4 × 4 pixels: `centres` (n, 1, …) as probabilities, `sizes` (n, 2, …) as logarithms of
height and width in cells, `offsets` (n, 2, …) in cells, down and across, and `landmarks`
(n, 10, …) as shares of height and width.
"""

import onnx

INPUT = "pixels"
OUTPUTS = ("centres", "sizes", "offsets", "landmarks")

_PUBLISHED_INPUT = "input.1"


def build_centerface(published: bytes) -> bytes:
    """The same network and weights, with names and open sizes."""
    model = onnx.load_model_from_string(published)
    graph = model.graph
    names = dict(zip((output.name for output in graph.output), OUTPUTS, strict=True))
    names[_PUBLISHED_INPUT] = INPUT
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(name, name) for name in tensors]
    # Its weights are inputs, too, and counters of its training are among them.
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for weight in [each for each in graph.input if each.name != _PUBLISHED_INPUT]:
        graph.input.remove(weight)
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        sides = ("height", "width") if value.name == INPUT else ("rows", "columns")
        batch, _, *open_sides = value.type.tensor_type.shape.dim
        for side, name in zip((batch, *open_sides), ("n", *sides), strict=True):
            side.dim_param = name
    graph.ClearField("value_info")
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
