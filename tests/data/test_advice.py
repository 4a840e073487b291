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
        # 360x480 becomes 192x256: both are multiples of 32.
        ([(360, 480)], False, 256, (192, 256)),
        # On a GPU it stays, and 360 is floored to 11 * 32, 480 = 15 * 32.
        ([(360, 480)], True, 1024, (352, 480)),
        # 2000x1000 becomes 1024x512, of which a crop of at most 512 is taken.
        ([(2000, 1000)], True, 1024, (512, 512)),
        # Of three images: 256x128, 100x200, 40x60; medians 100 and 128.
        ([(512, 256), (100, 200), (40, 60)], False, 256, (96, 128)),
        # Smaller than the stride: one stride.
        ([(20, 70)], False, 256, (32, 64)),
    ],
)
def test_a_crop_of_the_median_sides(sizes, on_gpu, max_side, size):
    advice = advise(np.array(sizes), EVEN, on_gpu=on_gpu)
    assert (advice.max_side, advice.size) == (max_side, size)


def test_what_is_given_stays_and_the_stride_divides_the_crop():
    # 400x600 becomes 200x300 of which 256 are taken at most: 3 * 64 and 4 * 64.
    advice = advise(np.array([(400, 600)]), EVEN, on_gpu=False, stride=64, max_side=300, loss="x")
    assert (advice.max_side, advice.size, advice.loss) == (300, (192, 256), "x")
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


@pytest.mark.parametrize(("on_gpu", "size"), [(False, (192, 256)), (True, None)])
def test_the_doctor_suggests_what_the_training_picks(camvid, on_gpu, size):
    looked = survey(Source(str(camvid), val_fraction=0).open().train)
    advice = advise(looked.sizes, looked.pixels, on_gpu=on_gpu)
    suggestion = examine(camvid, on_gpu=on_gpu).suggestion
    assert tuple(suggestion["size"]) == advice.size
    assert advice.size == (size or advice.size)
    for name in ("max_side", "loss", "class_weights"):
        assert suggestion[name] == getattr(advice, name)
    assert (advice.loss, advice.class_weights) == ("ce", "enet")
