"""Which engine answers: the one that is asked for, or the fastest on this machine."""

import contextlib
import hashlib
import json
from dataclasses import replace
from functools import partial

import numpy as np

from kseg import _checks, machine
from kseg.errors import KsegError
from kseg.inference.settings import AUTO, DROPOUT, ENGINES, read_views
from kseg.machine import Device
from kseg.runs.run import Run
from kseg.workflows.answering import Answering
from kseg.workflows.watching import Watch

PAYS = 100
"""Fewer images are predicted before converting and timing has paid for itself."""
BATCH = 4
SIDE = 256


def with_engines(answering: Answering, wanted: str, count: int | None, watch: Watch) -> Answering:
    """Return how runs answer, each by the engine that is asked for, see `engine_for`.

    Raises:
        KsegError: There is no such engine.
    """
    _checks.one_of(wanted, (AUTO, *ENGINES), "engine")
    device = machine.device(answering.device)
    if wanted == AUTO and DROPOUT in read_views(answering.tta):
        wanted = "keras"
    chosen = tuple(engine_for(run, wanted, count, device, watch) for run in answering.runs)
    return replace(answering, engines=chosen)


def engine_for(run: Run, wanted: str, count: int | None, device: Device, watch: Watch) -> str:
    """Return the name of the engine that answers for a run.

    Args:
        run: Its network is what is timed.
        wanted: An engine; or "auto", the fastest of those that are installed, as it was timed
            before or is timed now. A GPU is used by Keras alone.
        count: So many images are to be predicted; `None` where that is not known.
        device: What is computed on.
        watch: Is told.
    """
    if wanted != AUTO:
        return wanted
    from kseg.inference.engines.choosing import there

    names = there()
    if device.kind != "cpu" or len(names) == 1:
        return names[0]
    key = _key(run, names, device)
    found = machine.known_times("answer").get(key, {})
    if not found:
        if count is not None and count < PAYS:
            return names[0]
        watch.compares(names)
        found = _timed(run, names)
        machine.remember_times("answer", key, found)
    fastest = min(found, key=lambda name: found[name])
    watch.answers(fastest, found)
    return fastest


def _timed(run: Run, names: list[str]) -> dict[str, float]:
    """Return the seconds that each engine takes for an image as large as those of the training.

    Those are left out that cannot run this network here.
    """
    shape = (BATCH, *_size(run), run.recipe.data.channels)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    functions = {}
    for name in names:
        with contextlib.suppress(KsegError, OSError):
            functions[name] = partial(run.engine(name), images)
    return {name: took / BATCH for name, took in machine.least_times(functions).items()}


def _size(run: Run) -> tuple[int, int]:
    return run.recipe.input.size or (SIDE, SIDE)


def _key(run: Run, names: list[str], device: Device) -> str:
    """Name a network, its engines and its machine: what is timed is the same where this is."""
    model, (height, width) = run.recipe.model.model_dump_json(), _size(run)
    parts = [device.name, machine.versions(), names, model, run.recipe.data.channels]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]
    return f"{run.recipe.model.arch} {height}x{width} on {device.name}, {digest}"
