"""Check the file of a network that somebody brings, before anything runs it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx
from onnx import inliner

from facesearch.files import check_regular
from facesearch.recipes.description import Network
from facesearch_models.errors import BuildError, first_line

MOST_BYTES = 2**30
"""VGG19, the largest network that is described, has 575 MB. One protobuf message holds 2 GB."""

DOMAINS = ("", "ai.onnx", "com.microsoft")
"""Of the operators that ONNX Runtime brings itself: others need code from elsewhere."""

LOOPS = ("Loop", "Scan")
OLDEST_OPSET = 7
"""Of those that ONNX Runtime runs."""

MOST_NODES = 100_000
"""Of a network whose functions are written out: the largest that is described has some 300."""

BATCH = "n"

_Function = tuple[str, str, str]
"""Its domain, name and overload."""

_FLOAT = onnx.TensorProto.FLOAT
_EXPORT = "export it as one file with the operators of ONNX"


def read_network(file: Path, network: Network) -> onnx.ModelProto:
    """The network in `file`, if it is one that `network` describes and that may be run.

    Its own functions are inlined. A batch that was fixed when it was exported becomes dynamic: try
    it before you trust it. Nothing is run, and no other file is read. Raises `BuildError`.
    """
    model = _parse(file)
    _check_contained(model, file)
    _check_opset(model, file)
    _check_functions(model, file)
    try:
        model = inliner.inline_local_functions(model)
        onnx.checker.check_model(model)
    except Exception as error:
        # The checker's errors share no base but Exception.
        raise BuildError(f"{file} is no valid ONNX network: {first_line(error)}") from error
    _check_operators(model, file)
    _check_input(model, network, file)
    _check_output(model, network, file)
    return model


def _parse(file: Path) -> onnx.ModelProto:
    try:
        check_regular(file)
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise BuildError(
                f"{file} has {size / 1e6:,.0f} MB, more than a network may have "
                f"({MOST_BYTES / 1e6:,.0f} MB): use a smaller one"
            )
        content = file.read_bytes()
    except OSError as error:
        raise BuildError(f"{file} cannot be read: {error.strerror}") from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        # Protobuf's errors, of a package without types.
        raise BuildError(f"{file} is no ONNX file: export the network as ONNX") from error
    if not model.graph.node:
        raise BuildError(f"{file} is no ONNX file, or one without a network: export it again")
    return model


def _check_contained(model: onnx.ModelProto, file: Path) -> None:
    """Nothing of the network is in another file: its place could be any file of this machine."""
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise BuildError(
                f"{file} keeps weights in other files ('{tensor.name[:60]}'): save it as one file "
                "(onnx.save(onnx.load(FILE), ONE, save_as_external_data=False))"
            )


def _check_opset(model: onnx.ModelProto, file: Path) -> None:
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and not OLDEST_OPSET <= opset.version <= newest:
            raise BuildError(
                f"{file} has the operators of ONNX's opset {opset.version}: export it with one "
                f"from {OLDEST_OPSET} to {newest}"
            )


def _check_functions(model: onnx.ModelProto, file: Path) -> None:
    """Functions that call each other twice and twice again become billions of nodes."""
    bodies = {(each.domain, each.name, each.overload): each for each in model.functions}
    calls = {
        key: [_called(node) for node in _nodes(body) if _called(node) in bodies]
        for key, body in bodies.items()
    }
    sizes: dict[_Function, int] = {}
    try:
        for key in TopologicalSorter(calls).static_order():
            sizes[key] = _size(bodies[key], sizes)
    except CycleError as error:
        raise BuildError(f"{file} has a function that calls itself: {_EXPORT}") from error
    nodes = _size(model.graph, sizes)
    if nodes > MOST_NODES:
        raise BuildError(
            f"{file} has more than {MOST_NODES:,} operators once its functions are written out: "
            f"{_EXPORT}, without functions"
        )


def _called(node: onnx.NodeProto) -> _Function:
    return node.domain, node.op_type, node.overload


def _size(body: onnx.GraphProto | onnx.FunctionProto, sizes: Mapping[_Function, int]) -> int:
    return sum(sizes.get(_called(node), 1) for node in _nodes(body))


def _check_operators(model: onnx.ModelProto, file: Path) -> None:
    for node in _nodes(model.graph):
        if node.domain not in DOMAINS:
            raise BuildError(
                f"{file} uses the operator {node.op_type[:60]} of '{node.domain[:60]}', which is "
                f"not ONNX's: {_EXPORT}"
            )
        if node.op_type in LOOPS:
            raise BuildError(
                f"{file} has a loop ({node.op_type}), whose time nobody knows: {_EXPORT}, without "
                "loops"
            )


def _check_input(model: onnx.ModelProto, network: Network, file: Path) -> None:
    """One input of float32 pictures; its batch becomes dynamic where it was fixed."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise BuildError(f"{file} has {len(inputs)} inputs: a network has one, the pictures")
    (pictures,) = inputs
    if network.input not in ("", pictures.name):
        raise BuildError(
            f"the input of {file} is '{pictures.name[:60]}', not '{network.input}': set "
            "network.input"
        )
    if pictures.type.tensor_type.elem_type != _FLOAT:
        raise BuildError(f"the input of {file} is not float32: {_EXPORT} and float32 pictures")
    width, height = network.size
    wanted = (3, height, width) if network.layout == "NCHW" else (height, width, 3)
    dimensions = pictures.type.tensor_type.shape.dim
    sides = tuple(each.dim_value for each in dimensions)[1:]
    # A side of 0 is one that was left open.
    if len(sides) != len(wanted) or any(
        side not in (0, want) for side, want in zip(sides, wanted, strict=True)
    ):
        raise BuildError(
            f"{file} takes pictures of {_shape(sides)}, the recipe says {network.layout} of "
            f"{_shape(wanted)}: set network.size and network.layout"
        )
    dimensions[0].dim_param = BATCH


def _check_output(model: onnx.ModelProto, network: Network, file: Path) -> None:
    names = [value.name for value in model.graph.output]
    if network.output and network.output not in names:
        raise BuildError(
            f"{file} has no output '{network.output}', but {_listed(names)}: set network.output"
        )
    if not network.output and len(names) != 1:
        raise BuildError(f"{file} has the outputs {_listed(names)}: set network.output to one")
    output = next(
        value for value in model.graph.output if value.name == (network.output or names[0])
    )
    if output.type.tensor_type.elem_type != _FLOAT:
        raise BuildError(f"the output '{output.name[:60]}' of {file} is not float32: {_EXPORT}")
    dimensions = output.type.tensor_type.shape.dim
    if not dimensions:
        return
    if len(dimensions) != 2 or dimensions[1].dim_value not in (0, network.dimension):
        shape = _shape([each.dim_value for each in dimensions][1:])
        raise BuildError(
            f"the output '{output.name[:60]}' of {file} has {shape} numbers for a picture, the "
            f"recipe says {network.dimension}: set network.dimension, or name another output"
        )
    dimensions[0].dim_param = BATCH


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors of the model: weights, attributes, those of its functions and subgraphs."""
    yield from _tensors_of_graph(model.graph)
    for function in model.functions:
        yield from _tensors_of_nodes(function.node)


def _tensors_of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _tensors_of_graph(graph)


def _nodes(graph: onnx.GraphProto | onnx.FunctionProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _shape(sides: Sequence[int]) -> str:
    return " x ".join(str(side) if side else "?" for side in sides) or "no"


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name[:60]}'" for name in names[:8]) or "none"
