"""Every architecture learns: it overfits four images, and every weight takes part in that."""

import keras
import numpy as np
import pytest

from kseg.losses import CrossEntropy
from kseg.metrics import MeanIoU
from kseg.metrics.confusion import count_confusion
from kseg.metrics.scores import Scores
from kseg.models.architectures import ARCHITECTURES
from kseg.models.catalog import build
from kseg.models.settings import OWN, Model

STEPS = 200
WIDTH = 8
WIDER = {"deep_unet": 16, "encoder_unet": 16, "linknet": 16}
ENCODERS = {"linknet": "resnet34"}


def four_images(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two boxes of different colours on a grey ground, as images and masks."""
    masks = np.zeros((4, 64, 64), np.uint8)
    for mask in masks:
        for value in (1, 2):
            top, left = 8 * rng.integers(0, 5, 2)
            mask[top : top + 24, left : left + 24] = value
    colours = np.array([(90, 90, 90), (200, 60, 60), (60, 60, 200)])
    images = colours[masks] + rng.integers(-20, 20, (*masks.shape, 3))
    return images.astype(np.uint8), masks


def mean_iou(model: keras.Model, images: np.ndarray, masks: np.ndarray) -> float:
    outputs = getattr(model, "final", model)(images)
    predicted = keras.ops.convert_to_numpy(outputs).argmax(axis=-1)
    return Scores(count_confusion(masks, predicted, 3, 255)).means["mean_iou"]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_it_overfits_four_images_with_all_its_weights(arch):
    keras.utils.set_random_seed(0)
    images, masks = four_images(np.random.default_rng(0))
    width, encoder = WIDER.get(arch, WIDTH), ENCODERS.get(arch, OWN)
    model = build(Model(arch=arch, width=width, encoder=encoder), (None, None, 3), 3)
    falling = keras.optimizers.schedules.CosineDecay(5e-3, STEPS)
    adam = keras.optimizers.Adam(falling)
    model.compile(adam, CrossEntropy(), metrics=[MeanIoU(3)], jit_compile=False)
    model.optimizer.build(model.trainable_variables)  # otherwise the step is traced twice
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    for step in range(1, STEPS + 1):
        model.reset_metrics()
        logs = model.train_on_batch(images, masks, return_dict=True)
        learnt = logs["mean_iou"] > 0.97 and step % 20 == 0
        if learnt and mean_iou(model, images, masks) > 0.95:
            break
    assert mean_iou(model, images, masks) > 0.95
    for weight, old in zip(model.trainable_weights, before, strict=True):
        moved = np.abs(keras.ops.convert_to_numpy(weight) - old).max()
        assert moved > 0, f"no gradient reaches {weight.path}"
