"""What a recipe leaves open is filled for machine and data; what is given is kept."""

import numpy as np
import pytest

from kseg.data.advice import RARE
from kseg.data.statistics import Survey
from kseg.errors import KsegError
from kseg.labels import Labels
from kseg.machine import Device
from kseg.runs.recipe import fields, make_recipe
from kseg.training import defaults

CPU = Device("cpu", "a CPU", "float32")
GPU = Device("gpu", "a GPU", "bfloat16")
LABELS = Labels(("ground", "box"))
EVEN = Survey(np.array([(40, 48)] * 6), np.array([(1000, 920)] * 6))
UNEVEN = Survey(np.array([(360, 480)] * 367), np.array([(172_000, 800)] * 367))


def filled(recipe, device=CPU, survey=EVEN):
    return defaults.for_data(defaults.for_machine(recipe, device), device, survey, LABELS)


@pytest.mark.parametrize("device", [CPU, GPU])
def test_nothing_is_open_in_a_plan(device):
    content = filled(make_recipe(data="x"), device).model_dump()
    may_be_open = {
        *("optimizer.clip_norm", "optimizer.clip_value"),
        *("loop.minutes", "loop.done", "loop.above", "loop.patience"),
        *("model.warm_start", "model.frozen_epochs", "data.folds", "data.fold"),
    }
    for path in set(fields()) - may_be_open:
        value = content
        for name in path.split("."):
            value = value[name]
        assert value is not None, path


def test_what_is_not_given_is_chosen_for_machine_and_data():
    plan = filled(make_recipe(data="x", arch="unet"))
    assert plan.input.size == (32, 32)  # the images are 40x48; the network's stride is 32
    assert plan.loss.class_weights == "none"
    assert (plan.model.width, plan.loop.precision) == (16, "float32")
    assert (plan.loop.batch_size, plan.loop.epochs) == (4, 300)
    on_gpu = filled(make_recipe(data="x", arch="unet"), GPU)
    assert (on_gpu.model.width, on_gpu.loop.precision) == (32, "bfloat16")


def test_camvid_on_a_cpu():
    plan = filled(make_recipe(data="x", arch="unet"), CPU, UNEVEN)
    assert (plan.input.size, plan.input.max_side) == ((160, 224), 320)
    assert plan.input.scale == (0.75, 1.25)
    assert (plan.loop.batch_size, plan.loop.epochs) == (4, 33)  # 12,000 images of 367
    assert (plan.optimizer.learning_rate, plan.optimizer.encoder_rate) == (3e-3, 1)


def test_an_encoder_of_published_weights_learns_slower_on_larger_images():
    fields = {"arch": "fpn", "encoder": "efficientnetv2_b0", "weights": "imagenet"}
    plan = filled(make_recipe(data="x", **fields), CPU, UNEVEN)
    assert (plan.input.size, plan.input.max_side) == ((256, 352), 480)
    assert 0 < plan.optimizer.encoder_rate < 1
    assert plan.loop.batch_size == 8


def test_what_is_given_is_kept():
    given = {
        "arch": "unet",
        "weights": "none",
        "width": 3,
        "size": (16, 48),
        "max_side": 44,
        "scale": (0.7, 1.1),
        "batch_size": 2,
        "epochs": 5,
        "learning_rate": 0.5,
        "encoder_rate": 0.5,
        "warmup": 0.2,
        "average": 0.1,
        "class_weights": (1, 2),
        "precision": "float32",
        "seed": 3,
    }
    recipe = make_recipe(data="x", **given)
    assert filled(recipe, GPU).model_dump(exclude={"versions"}) == recipe.model_dump(
        exclude={"versions"}
    )


def test_given_channels_and_published_weights_keep_their_width():
    assert filled(make_recipe(data="x", filters=(4, 8, 16, 32, 64))).model.width == "own"
    fields = {"arch": "fpn", "encoder": "efficientnetv2_b0", "weights": "imagenet"}
    assert filled(make_recipe(data="x", **fields)).model.width == "own"


@pytest.mark.parametrize(
    ("loss", "weights"),
    [("ce", "enet"), ("focal(gamma=3)+topk", "enet"), ("ce+dice", "none")],
)
def test_rare_classes_are_weighted_where_the_loss_is_one_of_pixels(loss, weights):
    assert UNEVEN.pixels.sum(axis=0).min() / UNEVEN.pixels.sum() < RARE
    assert filled(make_recipe(data="x", loss=loss), CPU, UNEVEN).loss.class_weights == weights
    assert filled(make_recipe(data="x", loss=loss)).loss.class_weights == "none"
    chosen = make_recipe(data="x", loss=loss, class_weights="median")
    assert filled(chosen, CPU, UNEVEN).loss.class_weights == "median"


def test_shapes_are_drawn_at_a_size_that_the_stride_divides():
    for arch, side in (("unet", 96), ("deep_unet", 128)):
        assert defaults.for_machine(make_recipe(arch=arch), CPU).input.size == (side, side)
    assert filled(make_recipe()).loop.epochs == 8


def test_a_larger_stride_gives_larger_crops():
    assert filled(make_recipe(data="x", arch="deep_unet")).input.size == (64, 64)


def test_one_output_is_refused_for_more_than_two_classes():
    recipe = defaults.for_machine(make_recipe(data="x", output="sigmoid"), CPU)
    labels = Labels(("ground", "box", "tree"))
    survey = Survey(EVEN.sizes, np.ones((6, 3), int))
    with pytest.raises(KsegError, match="3 classes; softmax is for any number"):
        defaults.for_data(recipe, CPU, survey, labels)


def test_wrong_weights_are_refused():
    with pytest.raises(KsegError, match=r"class_weights= .*2 in all \(ground, box\)\. Received 3"):
        filled(make_recipe(data="x", class_weights=(1, 2, 3)))
