"""The number format of a training: the one in which this machine takes a step faster.

A processor's flags do not tell: bfloat16 is half again as fast as float32 on one, and slower on
another of the same flags, and a network of depthwise convolutions may gain nothing where another
does. So a few steps of the very network are timed, by turns, and what was found is remembered.
"""

import hashlib
import json
from functools import partial

from kseg import machine
from kseg.machine import Device
from kseg.training import engine
from kseg.training.data import TrainingData
from kseg.training.plan import Plan

FORMATS = ("float32", "bfloat16")
STEPS = 500
MINUTES = 5
"""A training of fewer steps or minutes is over before the measurement has paid for itself."""


def pays(plan: Plan, data: TrainingData, device: Device) -> bool:
    """Tell whether to measure: on a CPU, for a training that is long enough."""
    if device.kind == "gpu":
        return False
    if plan.loop.minutes is not None and plan.loop.done is None:
        return plan.loop.minutes >= MINUTES
    return plan.loop.epochs * (len(data.splits.train) // plan.loop.batch_size) >= STEPS


def measured(plan: Plan, data: TrainingData, device: Device) -> dict[str, float]:
    """Return the seconds per step in each of `FORMATS`, of now or of an earlier training.

    Args:
        plan: What is done.
        data: What is learned from.
        device: What it is done on.
    """
    key = _key(plan, device)
    found = machine.known_times("step").get(key)
    if found is None or found.keys() != set(FORMATS):
        found = _timed(plan, data, device)
        machine.remember_times("step", key, found)
    return found


def _timed(plan: Plan, data: TrainingData, device: Device) -> dict[str, float]:
    """Take some steps in each format, by turns; the least time of each says what it can do."""
    plans = [plan.changed(precision=name) for name in FORMATS]
    models, batches, _ = zip(*(engine.assemble(one, data, device) for one in plans), strict=True)
    batch = batches[0][0]
    steps = [partial(model.train_on_batch, *batch) for model in models]
    return machine.least_times(dict(zip(FORMATS, steps, strict=True)))


def _key(plan: Plan, device: Device) -> str:
    """Name a network and its machine: what is timed is the same where this is the same."""
    parts = (
        plan.model.model_dump_json(),
        plan.optimizer.name,
        plan.input.size,
        plan.loop.batch_size,
        plan.data.channels,
    )
    versions = {name: plan.versions.get(name) for name in ("keras", machine.backend())}
    text = json.dumps([device.name, versions, *parts], sort_keys=True)
    height, width = plan.input.size
    shape = f"{plan.loop.batch_size}x{height}x{width}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plan.model.arch} {shape} on {device.name}, {digest}"
