"""Files that appear whole or not at all."""

import contextlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseg.errors import KsegError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PREFIX = ".kseg-"
"""What the names of half-written files begin with."""
DAY = 86_400
DOTS = 150
"""Per inch of a figure."""
_LOCK = threading.Lock()


@contextlib.contextmanager
def atomic(path: Path, keep: Path | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success flush it and rename it to `path`.

    Whatever stood at `path` stays untouched until the new file is whole on the disk.

    Args:
        path: The file.
        keep: Where what stood there goes; by default it is replaced.

    Raises:
        OSError: It cannot be written, as where the disk is full; the error names `path`.
    """
    try:
        with _beside(path) as temporary:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            if keep is not None and path.exists():
                _name_too(path, keep)
            temporary.replace(path)
    except OSError as error:
        raise _of(path, error) from error


def _name_too(path: Path, other: Path) -> None:
    """Give a file a second name; at no moment has it none."""
    try:
        with _beside(other) as temporary:
            temporary.unlink()
            os.link(path, temporary)
            temporary.replace(other)
    except OSError:  # a file system that knows no second names
        path.replace(other)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Make a hidden file beside `path`; whatever is left of it in the end goes."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=PREFIX, suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, in UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` atomically, as indented JSON."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_figure(path: Path, figure: "Figure") -> Path:
    """Write a figure of Matplotlib to `path` atomically, in the format of its ending.

    Args:
        path: A name that ends in .png, .svg or .pdf.
        figure: What is drawn.

    Returns:
        The path.
    """
    kind = path.suffix.lower().removeprefix(".") or "png"
    # A file tells no time: it is the same where the figure is.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with atomic(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=DOTS, metadata=metadata)
    return path


def check_absent(path: Path) -> None:
    """Refuse a folder that is there already.

    Raises:
        KsegError: It is.
    """
    if path.exists():
        raise KsegError(f"{path} is there already. Give a folder that is not.")


@contextlib.contextmanager
def new_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`, which becomes `path` on success and goes otherwise.

    Args:
        path: The folder.
        replace: Whether it takes the place of one that is there.

    Raises:
        KsegError: `path` is there already.
        OSError: It cannot be written, as where the disk is full; the error names `path`.
    """
    if not replace:
        check_absent(path)
    place = path.resolve()  # "." has no name of its own
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f".{place.name}.*.unfinished"):
        with contextlib.suppress(OSError):  # of a process that was killed, and others may remove
            if time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left)
    try:
        name = tempfile.mkdtemp(".unfinished", f".{place.name}.", place.parent)
    except OSError as error:  # it names a folder that nobody asked for
        raise _of(path, error) from error
    unfinished = Path(name)
    try:
        unfinished.chmod(0o777 & ~_umask())
        yield unfinished
        if replace and place.exists():
            shutil.rmtree(place)
        unfinished.rename(place)
    except OSError as error:
        if error.filename is None or Path(str(error.filename)).is_relative_to(unfinished):
            raise _of(path, error) from error
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _of(path: Path, error: OSError) -> OSError:
    """Return an error that names `path`: a write that fails names none, or a temporary one."""
    return OSError(error.errno, error.strerror or str(error), str(path))


def _umask() -> int:
    with _LOCK:  # it can only be read by setting it
        mask = os.umask(0)
        os.umask(mask)
    return mask
