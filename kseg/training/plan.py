"""A plan: a recipe in which nothing is open."""

from typing import Literal

from kseg._settings import Side, Size
from kseg.data.augment.settings import Input, Range
from kseg.losses.settings import Loss, Weights
from kseg.models.settings import Model
from kseg.optimizers import Optimizer, Rate
from kseg.runs.loop import Loop
from kseg.runs.recipe import Recipe


class PlannedModel(Model):
    """A network whose width is chosen."""

    width: Literal["own"] | Side


class PlannedInput(Input):
    """An input whose sizes are chosen."""

    size: Size
    max_side: Side
    scale: Range


class PlannedLoss(Loss):
    """A loss whose class weights are chosen."""

    class_weights: Weights


class PlannedOptimizer(Optimizer):
    """An optimizer whose rate is chosen."""

    learning_rate: Rate


class PlannedLoop(Loop):
    """A loop whose length, portions and number format are chosen."""

    epochs: Side
    batch_size: Side
    precision: Literal["float32", "bfloat16", "float16"]


class Plan(Recipe):
    """What a training does: a recipe, filled for one machine and one data set."""

    model: PlannedModel
    input: PlannedInput
    loss: PlannedLoss
    optimizer: PlannedOptimizer
    loop: PlannedLoop
