"""Which engine answers: the one that is asked for, or the fastest on this machine."""

import contextlib
import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from functools import partial

import numpy as np

from kseg import _checks, machine
from kseg.data.samples import Few
from kseg.errors import KsegError
from kseg.inference.engines.converted import there
from kseg.inference.engines.engine import Engine
from kseg.inference.settings import AUTO, COARSE, DROPOUT, ENGINES, KERAS, UNCONVERTED, read_views
from kseg.machine import Device
from kseg.models import catalog
from kseg.runs.run import SHOWN, Run
from kseg.workflows.answering import Answering
from kseg.workflows.watching import Watch

PAYS = 100
"""Fewer images are predicted before converting and timing has paid for itself."""
SCORED = 32
"""So many images of the validation split show whether an engine's masks are as good."""
LOST = 0.01
"""So much of the mean IoU an engine may lose."""
BATCH = 4
SIDE = 256


def with_engines(answering: Answering, wanted: str, count: int | None, watch: Watch) -> Answering:
    """Return how runs answer, each by the engine that is asked for, see `engine_for`.

    Raises:
        KsegError: There is no such engine.
    """
    _checks.one_of(wanted, (AUTO, *ENGINES), "engine")
    if wanted == AUTO and DROPOUT in read_views(answering.tta):
        wanted = KERAS
    device = _device(answering.device, wanted)
    watch.starts(device)
    chosen = tuple(engine_for(run, wanted, count, device, watch) for run in answering.runs)
    if not set(UNCONVERTED).isdisjoint(chosen):
        machine.backend()
    return replace(answering, engines=chosen)


def _device(kind: str | None, wanted: str) -> Device:
    """Return what is computed on; the backend is not started where that is plain without it."""
    alone = machine.cpu_alone() if kind is None and wanted not in UNCONVERTED else None
    return alone or machine.device(kind)


def engine_for(run: Run, wanted: str, count: int | None, device: Device, watch: Watch) -> str:
    """Return the name of the engine that answers for a run.

    Args:
        run: Its network is what is timed.
        wanted: An engine; or "auto", the fastest of those that are installed, as it was timed
            before or is timed now. A GPU is used by Keras alone, in either number format.
        count: So many images are to be predicted; `None`, where that is not known, is too few.
        device: What is computed on.
        watch: Is told.
    """
    if wanted != AUTO:
        watch.answers(wanted, {})
        return wanted
    names = there() if device.kind == "cpu" else list(UNCONVERTED)
    key = _key(run, names, device)
    found = machine.known_times("answer").get(key, {})
    if not found:
        if count is None or count < PAYS:
            return KERAS
        watch.compares(names)
        machine.backend()
        with machine.computing_on(device.kind):
            found = _timed(run, names, watch)
        machine.remember_times("answer", key, found)
    fastest = min(found, key=lambda name: found[name])
    watch.answers(fastest, found)
    return fastest


def timed_before(run: Run) -> dict[str, float]:
    """Return the seconds that each engine took for an image on this machine, where known."""
    key = _key(run, there(), machine.device("cpu"))
    return machine.known_times("answer").get(key, {})


def _timed(run: Run, names: list[str], watch: Watch) -> dict[str, float]:
    """Return the seconds that each engine takes for an image as large as those of the training.

    Those are left out that cannot run this network here, and of the faster ones those whose masks
    score less than Keras's.
    """
    shape = (BATCH, *_size(run), run.recipe.data.channels)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    engines = {KERAS: run.engine()}
    for name in (name for name in names if name != KERAS):
        with contextlib.suppress(Exception):  # whatever a converter raises, Keras runs the network
            engine = run.engine(name)
            engine(images)
            engines[name] = engine
    found = machine.least_times({name: partial(one, images) for name, one in engines.items()})
    faster = {name: one for name, one in engines.items() if found[name] <= found[KERAS]}
    worse = _worse(run, faster, watch)
    return {name: took / BATCH for name, took in found.items() if name not in worse}


def _worse(run: Run, engines: dict[str, Engine], watch: Watch) -> Collection[str]:
    """Name the engines whose mean IoU on images of the validation split is below that of Keras.

    Where these are not at hand, those that compute in fewer bits.
    """
    if len(engines) == 1:
        return ()
    from kseg.evaluation import evaluate
    from kseg.inference import Predictor

    settings, stride = run.recipe.input, catalog.stride(run.recipe.model)
    shown = {name: getattr(settings, name) for name in SHOWN}
    try:
        samples = Few(run.source().split("val", run.labels), SCORED)
        scores = {
            name: evaluate(Predictor(engine, stride=stride, **shown), samples).scores.mean_iou
            for name, engine in engines.items()
        }
    except (KsegError, OSError):
        return COARSE
    lost = {name: scores[KERAS] - score for name, score in scores.items()}
    worse = {name: less for name, less in lost.items() if less > LOST}
    for name, less in worse.items():
        watch.loses(name, less)
    return worse


def _size(run: Run) -> tuple[int, int]:
    return run.recipe.input.size or (SIDE, SIDE)


def _key(run: Run, names: list[str], device: Device) -> str:
    """Name a network, its engines and its machine: what is timed is the same where this is."""
    height, width = _size(run)
    parts = [device.name, machine.versions(), names, run.model_digest]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]
    return f"{run.recipe.model.arch} {height}x{width} on {device.name}, {digest}"
