"""The data of a training: read once, found whole or refused."""

import numpy as np
import pytest
from PIL import Image

from kseg.errors import KsegError
from kseg.machine import Device
from kseg.runs.recipe import make_recipe
from kseg.training import defaults
from kseg.training.data import open_data

CPU = Device("cpu", "a CPU", "float32")


def opened(**words):
    return open_data(defaults.for_machine(make_recipe(**words), CPU))


def test_images_are_limited_on_reading(rectangles):
    data = opened(data=rectangles, max_side=24)
    assert data.train.sizes.max() == 24
    assert [len(data.splits.train), len(data.splits.val)] == [6, 3]
    assert data.split_off == {}


def test_nothing_but_void_is_refused(rectangles):
    for path in (rectangles / "val/masks").iterdir():
        Image.fromarray(np.full((40, 48), 255, np.uint8)).save(path)
    with pytest.raises(KsegError, match="validation masks hold nothing but void"):
        opened(data=rectangles)


def test_broken_files_are_named_or_passed_over(rectangles):
    (rectangles / "train/images/1.png").write_text("no image")
    (rectangles / "val/masks/2.png").write_bytes((rectangles / "val/masks/0.png").read_bytes()[:60])
    with pytest.raises(KsegError, match=r"train/images/1\.png is not an image"):
        opened(data=rectangles)
    with pytest.raises(KsegError, match=r"val/masks/2\.png .*skip_broken=True"):
        opened(data=rectangles)
    data = opened(data=rectangles, skip_broken=True)
    assert [len(data.splits.train), len(data.splits.val)] == [5, 2]
    assert set(data.skipped) == {"train/1", "val/2"}
    again = opened(data=rectangles, skipped=tuple(data.skipped))
    assert len(again.splits.train) == 5


def test_a_broken_file_of_the_test_split_is_named(rectangles):
    (rectangles / "test/images/1.png").write_bytes(b"no image")
    with pytest.raises(KsegError, match=r"test/images/1\.png is not an image"):
        opened(data=rectangles)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (4, "RGBA")])
def test_images_of_other_channels_are_read(rectangles, channels, mode):
    for path in rectangles.glob("*/images/*.png"):
        Image.open(path).convert(mode).save(path)
    sample = opened(data=rectangles, channels=channels).splits.train[0]
    assert sample.image.shape == (40, 48, channels)
