"""What this machine can do: backend, device, number format; and a quiet start of the backend."""

import contextlib
import ctypes
import gc
import importlib.util
import json
import logging
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from kseg import _files
from kseg.errors import ArgumentError, KsegError

KINDS = ("cpu", "gpu")
BACKENDS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Device:
    """The device that the backend computes on.

    Attributes:
        kind: "gpu" or "cpu".
        name: What its maker calls it.
        precision: The fastest number format that trains well on it: "float32", "bfloat16" or
            "float16".
        problem: Why a GPU of this machine is not used, and what to install; "" if all is well.
    """

    kind: str
    name: str
    precision: str
    problem: str = ""


def backend() -> str:
    """Return the backend of Keras, "tensorflow", "jax" or "torch", and start it quietly.

    Raises:
        KsegError: It is not installed.
    """
    try:
        with quiet_start(), _no_collection():
            import keras
    except ModuleNotFoundError as error:
        if error.name not in BACKENDS:
            raise
        there = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
        other = f", or take one that is: KERAS_BACKEND={there[0]}" if there else ""
        raise KsegError(
            f"Keras's backend '{error.name}' is not installed. Run: python -m pip install "
            f"{error.name}{other}."
        ) from error
    if keras.backend.backend() == "tensorflow":
        # It warns of every new image size and model as if it were a mistake.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    _keep_freed_memory()
    return keras.backend.backend()


def wanted_backend() -> str:
    """Return the backend that Keras has, or will have when it is imported."""
    keras = sys.modules.get("keras")
    if keras is not None:
        return keras.backend.backend()
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        content = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
        return os.environ.get("KERAS_BACKEND") or str(content["backend"])
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def cpu_alone() -> Device | None:
    """Return the CPU where it is plain, without starting a backend, that there is no GPU."""
    devices = Path("/dev")
    gpus = [*devices.glob("nvidia[0-9]*"), *devices.glob("kfd")]
    if sys.platform != "linux" or gpus:
        return None
    return Device("cpu", _cpu_name(), "float32")


def device(kind: str | None = None) -> Device:
    """Find the device that the backend computes on.

    Args:
        kind: "cpu" or "gpu" to ask for one; `None` for the GPU where there is one.

    Raises:
        ArgumentError: There is no such kind.
        KsegError: A GPU is asked for that the backend cannot use.
    """
    if kind is not None and kind not in KINDS:
        raise ArgumentError(f"device= must be 'cpu' or 'gpu'. Received: {kind!r}.")
    name = backend()
    with quiet_start():
        gpu = {"tensorflow": _tensorflow_gpu, "jax": _jax_gpu, "torch": _torch_gpu}[name]()
    if gpu and kind != "cpu":
        model, capability = gpu
        precision = "bfloat16" if capability >= 8 else "float16" if capability >= 7 else "float32"
        return Device("gpu", model, precision)
    # Matrix tiles (AMX) make convolutions faster in bfloat16 than in float32; AVX-512's own
    # instructions for it make them half again as slow. XLA on a CPU gains nothing by either.
    precision = "bfloat16" if name == "tensorflow" and "amx_bf16" in _cpu_flags() else "float32"
    problem = "" if kind == "cpu" else _unused_gpu(name)
    if kind == "gpu":
        raise KsegError(f"device='gpu' was asked for. {problem or 'There is none.'}")
    return Device("cpu", _cpu_name(), precision, problem)


def computing_on(kind: str | None) -> contextlib.AbstractContextManager:
    """Return a context in which Keras computes on "cpu" or "gpu"; `None` changes nothing."""
    if kind is None:
        return contextlib.nullcontext()
    import keras

    return keras.device(f"{kind}:0")


def compiled(function: Callable) -> Callable:
    """Compile a function of arrays where many small operations cost more than what they do.

    On JAX each operation is sent for itself, those of a hundred small arrays for 20 milliseconds,
    longer than a step of a training on a GPU takes.
    """
    if backend() != "jax":
        return function
    import jax

    return jax.jit(function)


def ending_signals() -> list[signal.Signals]:
    """Return the signals that ask a process to end, but for those it was begun to ignore."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return [one for one in known if signal.getsignal(one) not in (signal.SIG_IGN, None)]


def least_times(functions: Mapping[str, Callable[[], Any]], turns: int = 4) -> dict[str, float]:
    """Call each function by turns, and return the least seconds that each took.

    The first call of each is not counted, for what is compiled then; and to one that takes more
    than twice as long as the fastest, one turn is enough.
    """
    least = dict.fromkeys(functions, float("inf"))
    for turn in range(1 + turns):
        for name, function in functions.items():
            if turn > 1 and least[name] > 2 * min(least.values()):
                continue
            started = time.perf_counter()
            function()
            if turn:
                least[name] = min(least[name], time.perf_counter() - started)
    return least


def known_times(what: str) -> dict[str, dict[str, float]]:
    """Return what was timed on this machine before, seconds by choice, by network.

    Args:
        what: "step", of a training in number formats; or "answer", of engines for an image.
    """
    try:
        content = json.loads(_times_file(what).read_text(encoding="utf-8"))
        return {
            str(key): {str(name): float(seconds) for name, seconds in found.items()}
            for key, found in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def remember_times(what: str, key: str, found: dict[str, float]) -> None:
    """Keep what was found for a network; where nothing can be written, it is found again."""
    with contextlib.suppress(OSError):
        file = _times_file(what)
        file.parent.mkdir(parents=True, exist_ok=True)
        _files.write_json(file, known_times(what) | {key: found})


def _times_file(what: str) -> Path:
    return _cache() / f"{what}_times.json"


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "kseg"


def versions() -> dict[str, str]:
    """Return the versions of Python, kseg and the packages that a result depends on."""
    found = {"python": platform.python_version()}
    for package in ("kseg", "keras", "tensorflow", "jax", "torch", "numpy", "albumentations"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Keep a backend's start-up messages from the terminal; show them if the start fails.

    TensorFlow's C++ code writes to the process's standard error itself, so that is turned away.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(original, 2)
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Have Python look for no garbage: a backend makes a million objects, and all of them stay."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def leave_tensorflow_out() -> None:
    """Have Keras take TensorFlow for missing, where it is not the backend.

    Keras asks whether an object is one of TensorFlow's whenever it copies or seeds something, and
    imports TensorFlow to know; it remembers the answer.
    """
    import keras

    if keras.backend.backend() == "tensorflow" or "tensorflow" in sys.modules:
        return
    # None has Python refuse the import; the declared type of `sys.modules` leaves that out.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        keras.dtype_policies.serialize(keras.dtype_policies.get("float32"))
    finally:
        del sys.modules["tensorflow"]


def most_memory() -> float | None:
    """Return the most memory that this process has had so far, MiB; `None` where it is not told."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def _keep_freed_memory() -> None:
    """Have glibc keep the memory that it is given back, for the next tensor of that size.

    By itself it returns large pieces to the system at once, and every step of a training gets its
    tensors anew, page by page. That takes a third to a half of the time of a step on some machines
    (`benchmarks/memory.py`). Where another library allocates the memory, nothing changes.
    """
    mmap_max, trim_threshold, top_pad = -4, -1, -2
    with contextlib.suppress(OSError, AttributeError):  # no glibc
        set_option = ctypes.CDLL(None).mallopt
        set_option(mmap_max, 0)
        set_option(trim_threshold, 2**31 - 1)
        set_option(top_pad, 2**26)


def _tensorflow_gpu() -> tuple[str, float] | None:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    details = tf.config.experimental.get_device_details(gpus[0])
    return details.get("device_name", "GPU"), details.get("compute_capability", (0, 0))[0]


def _jax_gpu() -> tuple[str, float] | None:
    import jax

    first = jax.devices()[0]
    if first.platform != "gpu":
        return None
    _keep_compiled()
    return first.device_kind, float(getattr(first, "compute_capability", 0))


def _keep_compiled() -> None:
    """Have JAX keep what it compiles, unless the user said where.

    On a GPU it takes a minute to compile a training; the same one follows after the machine was
    measured, when it goes on, and the next time.
    """
    import jax

    if jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", str(_cache() / "jax"))
        jax.config.update("jax_compilation_cache_max_size", 2**31)


def _torch_gpu() -> tuple[str, float] | None:
    import torch

    if not torch.cuda.is_available():
        return None
    return torch.cuda.get_device_name(0), torch.cuda.get_device_capability(0)[0]


def _unused_gpu(
    name: str,
    devices: Path = Path("/dev"),
    driver: Path = Path("/proc/driver/nvidia/version"),
) -> str:
    if not any(devices.glob("nvidia[0-9]*")):
        return ""
    install = {
        "tensorflow": 'python -m pip install "tensorflow[and-cuda]"',
        "jax": 'python -m pip install "jax[cuda12]"',
        "torch": "python -m pip install torch",
    }[name]
    if not driver.exists():
        return "An NVIDIA GPU is there, but no driver is loaded: install NVIDIA's driver."
    return (
        f"An NVIDIA GPU is there, but {name} cannot use it: its CUDA libraries are missing or do "
        f"not fit the driver. Run: {install}"
    )


def _cpu_flags() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/cpuinfo").read_text()
    return ""


def _cpu_name() -> str:
    for line in _cpu_flags().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
