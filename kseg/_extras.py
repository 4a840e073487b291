"""Optional packages, or the pip line that installs them."""

import importlib
import sys
from types import ModuleType

from kseg.errors import KsegError

TELEMETRY = "openvino_telemetry"
"""Tells Google Analytics of each network that OpenVINO or NNCF convert, and asks nobody."""


def require(module: str, package: str, purpose: str) -> ModuleType:
    """Import a module that kseg needs only for `purpose`, without its telemetry.

    Raises:
        KsegError: It is not installed; the message says what installs it.
    """
    # None has Python refuse the import; the declared type of `sys.modules` leaves that out.
    sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise KsegError(
            f"{purpose} needs {package}, which is not installed: python -m pip install {package}"
        ) from error
