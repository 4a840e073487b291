"""A plan: a recipe in which nothing is open."""

from typing import Literal

from kseg._settings import Side, Size
from kseg.data.augment.settings import Input, Range
from kseg.losses.settings import Loss, Weights
from kseg.models.settings import Model, WeightsFile
from kseg.optimizers.settings import Optimizer, Rate
from kseg.runs.loop import Loop
from kseg.runs.recipe import Recipe
from kseg.schedules.settings import Part, Schedule


class PlannedModel(Model):
    """A network whose weights and width are chosen."""

    weights: Literal["none", "imagenet"] | WeightsFile
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
    """An optimizer whose rates are chosen."""

    learning_rate: Rate
    encoder_rate: Rate


class PlannedSchedule(Schedule):
    """A schedule whose rise is chosen."""

    warmup: Part


class PlannedLoop(Loop):
    """A loop whose length, portions, average and number format are chosen."""

    epochs: Side
    batch_size: Side
    average: Part
    precision: Literal["float32", "bfloat16", "float16"]


class Plan(Recipe):
    """What a training does: a recipe, filled for one machine and one data set."""

    model: PlannedModel
    input: PlannedInput
    loss: PlannedLoss
    optimizer: PlannedOptimizer
    schedule: PlannedSchedule
    loop: PlannedLoop

    @property
    def fixed_epochs(self) -> int | None:
        """Epochs of the training; `None` where the clock decides, or an earlier training did."""
        return None if self.loop.minutes or self.loop.done else self.loop.epochs
