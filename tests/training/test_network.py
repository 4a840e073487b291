"""The network of a plan: what its optimizer moves, and what is refused before data is read."""

import numpy as np
import pytest

from kseg.errors import KsegError
from kseg.machine import Device
from kseg.runs.recipe import make_recipe
from kseg.training import defaults, engine, network
from kseg.training.data import open_data

CPU = Device("cpu", "a CPU", "float32")


def test_the_encoder_moves_by_its_part_of_the_rate(rectangles):
    """The first step of Adam is the rate, a 25th of the peak at the start of one-cycle."""
    recipe = make_recipe(
        data=rectangles,
        arch="encoder_unet",
        encoder="resnet18",
        width=8,
        size=32,
        batch_size=3,
        epochs=1,
        learning_rate=0.01,
        encoder_rate=0.1,
        set={"optimizer.name": "adamw", "optimizer.weight_decay": 0},
    )
    recipe = defaults.for_machine(recipe, CPU)
    data = open_data(recipe)
    plan = defaults.for_data(recipe, CPU, data.train, data.splits.labels)
    model, batches, _ = engine.assemble(plan, data, CPU)
    layers = ("stem_conv", "stage_2_block_1_conv_1", "decoder_5_conv_1", "logits")
    before = [model.get_layer(name).get_weights()[0] for name in layers]
    model.train_on_batch(*batches[0])
    after = [model.get_layer(name).get_weights()[0] for name in layers]
    moved = [np.abs(new - old).max() for new, old in zip(after, before, strict=True)]
    assert moved == pytest.approx([0.001, 0.001, 0.01, 0.01], rel=0.02)


def test_a_rate_for_an_encoder_that_learned_nothing_is_refused():
    recipe = make_recipe(arch="unet", encoder_rate=0.5)
    with pytest.raises(KsegError, match="unet starts from random weights. Received: 0.5"):
        network.check(recipe)
    network.check(recipe.changed(encoder_rate=1))
