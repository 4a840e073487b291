"""What to train with, worked by hand, and the same from the doctor as for the training."""

import numpy as np
import pytest

from kseg.data.advice import advise, rare_classes
from kseg.data.doctor.examination import examine
from kseg.data.sources.source import Source
from kseg.data.statistics import survey

EVEN = np.array([[50, 50]])


@pytest.mark.parametrize(
    ("sizes", "on_gpu", "max_side", "size"),
    [
        # 360x480 becomes 240x320; of 180 and 240, three quarters, 160 and 224 are multiples of 32.
        ([(360, 480)], False, 320, (160, 224)),
        # On a GPU it stays: 270 is floored to 8 * 32, 360 to 11 * 32.
        ([(360, 480)], True, 1024, (256, 352)),
        # 2000x1000 becomes 1024x512: of 768 at most 512 are taken, 384 = 12 * 32.
        ([(2000, 1000)], True, 1024, (512, 384)),
        # Of three images: 320x160, 100x200, 40x60; medians 100 and 160, of which 75 and 120.
        ([(640, 320), (100, 200), (40, 60)], False, 320, (64, 96)),
        # Smaller than the stride: one stride.
        ([(20, 90)], False, 320, (32, 64)),
    ],
)
def test_a_crop_of_the_median_sides(sizes, on_gpu, max_side, size):
    advice = advise(np.array(sizes), EVEN, on_gpu=on_gpu)
    assert (advice.max_side, advice.size) == (max_side, size)


def test_an_encoder_that_knows_photos_is_shown_more_of_them():
    advice = advise(np.array([(360, 480)]), EVEN, on_gpu=False, is_pretrained=True)
    assert (advice.max_side, advice.size) == (480, (256, 352))


def test_what_is_given_stays_and_the_stride_divides_the_crop():
    # 400x600 becomes 200x300, of which 150 and 225 are floored to 2 * 64 and 3 * 64.
    advice = advise(np.array([(400, 600)]), EVEN, on_gpu=False, stride=64, max_side=300, loss="x")
    assert (advice.max_side, advice.size, advice.loss) == (300, (128, 192), "x")
    assert advise(np.array([(400, 600)]), EVEN, on_gpu=False).loss == "ce"


def test_a_class_of_under_a_hundredth_of_the_pixels_is_rare():
    # 990, 10 and 9 of 1009 pixels over two masks: 10 / 1009 = 0.0099 and 9 / 1009 = 0.0089.
    assert rare_classes(np.array([[500, 10, 0], [490, 0, 9]])) == (1, 2)
    assert rare_classes(np.array([[990, 10]])) == ()  # 0.01 itself is not
    assert rare_classes(np.array([[990, 100, 0]])) == (2,)


def test_a_rare_class_asks_for_weights_if_the_loss_takes_them():
    sizes, rare = np.array([(64, 64)]), np.array([[999, 1]])
    assert advise(sizes, rare, on_gpu=False).class_weights == "enet"
    assert advise(sizes, rare, on_gpu=False, weigh=False).class_weights == "none"
    assert advise(sizes, EVEN, on_gpu=False).class_weights == "none"


@pytest.mark.parametrize(("on_gpu", "size"), [(False, (160, 224)), (True, None)])
def test_the_doctor_suggests_what_the_training_picks(camvid, on_gpu, size):
    looked = survey(Source(str(camvid), val_fraction=0).open().train)
    advice = advise(looked.sizes, looked.pixels, on_gpu=on_gpu)
    suggestion = examine(camvid, on_gpu=on_gpu).suggestion
    assert tuple(suggestion["size"]) == advice.size
    assert advice.size == (size or advice.size)
    for name in ("max_side", "loss", "class_weights"):
        assert suggestion[name] == getattr(advice, name)
    assert (advice.loss, advice.class_weights) == ("ce", "enet")
