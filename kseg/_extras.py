"""Optional packages, or the pip line that installs them."""

import importlib
from types import ModuleType

from kseg.errors import KsegError


def require(module: str, package: str, purpose: str) -> ModuleType:
    """Import a module that kseg needs only for `purpose`.

    Raises:
        KsegError: It is not installed; the message says what installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise KsegError(
            f"{purpose} needs {package}, which is not installed: python -m pip install {package}"
        ) from error
