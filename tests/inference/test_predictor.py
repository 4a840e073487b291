"""Masks of the image's own size, whatever the network wants."""

import numpy as np
import pytest
from PIL import Image

from kseg.errors import KsegError
from kseg.inference import Predictor, decide

pytestmark = pytest.mark.backend


class Engine:
    """Says of each pixel whether it is bright; remembers what it was shown."""

    def __init__(self, classes=2):
        self.classes, self.shapes = classes, []

    def __call__(self, images):
        self.shapes.append(images.shape)
        bright = (images[..., :1] > 127).astype(np.float32)
        if self.classes == 1:
            return bright
        others = [np.zeros_like(bright)] * (self.classes - 2)
        return np.concatenate([1 - bright, *others, bright], axis=-1)


def half(height, width):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = 255
    return image


@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("size", [(32, 64), (33, 47), (1, 1), (5, 200)])
def test_any_size_is_padded_and_cut_back(classes, size):
    engine = Engine(classes)
    image = half(*size)
    mask = Predictor(engine).predict([image])[0]
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, (image[..., 0] > 127) * max(1, classes - 1))
    assert all(side % 32 == 0 for side in engine.shapes[0][1:3])


@pytest.mark.parametrize("classes", [1, 3])
def test_large_images_are_shown_small_and_answered_at_full_size(classes):
    engine = Engine(classes)
    image = half(300, 400)
    mask = Predictor(engine, max_side=100).predict([image])[0]
    assert engine.shapes == [(1, 96, 128, 3)]
    assert mask.shape == (300, 400)
    assert ((mask > 0) == (image[..., 0] > 127)).mean() > 0.99


def test_a_bare_image_is_refused_and_floats_are_taken():
    with pytest.raises(ValueError, match=r"give \[image\]"):
        Predictor(Engine()).predict(half(32, 32))
    small = Predictor(Engine(), max_side=16).predict([half(64, 64).astype(np.float32)])[0]
    assert small.shape == (64, 64)


def test_images_of_one_size_share_a_batch():
    engine = Engine()
    images = [half(32, 32)] * 10 + [half(32, 64)] + [half(32, 32)]
    masks = Predictor(engine).predict(images)
    assert [shape[0] for shape in engine.shapes] == [8, 2, 1, 1]
    assert [mask.shape for mask in masks] == [image.shape[:2] for image in images]


def test_the_confidence_is_the_probability_of_the_class():
    def engine(images):
        return np.stack([images[..., 0] / 256, 1 - images[..., 0] / 256], axis=-1)

    image = np.full((32, 32, 3), 64, np.uint8)
    mask, confidence, _ = decide(next(Predictor(engine).probabilities([image])))
    np.testing.assert_array_equal(mask, 1)
    np.testing.assert_array_equal(confidence, 0.75)


def test_probabilities_come_batch_by_batch_from_an_iterator():
    engine, taken = Engine(3), []

    def images():
        for index in range(20):
            taken.append(index)
            yield half(32, 40)

    found = Predictor(engine).probabilities(images())
    assert not taken
    first = next(found)
    assert (len(taken), len(engine.shapes)) == (8, 1)
    assert first.array().shape == (32, 40, 3)
    np.testing.assert_array_equal(first.of_class(2), half(32, 40)[..., 0] > 127)
    assert len(list(found)) == 19
    assert [shape[0] for shape in engine.shapes] == [8, 8, 4]


@pytest.mark.parametrize("channels", range(1, 9))
def test_an_image_of_any_number_of_channels_is_averaged_channel_by_channel(channels):
    image = np.random.default_rng(0).integers(0, 256, (64, 96, channels), dtype=np.uint8)
    shown = Predictor(Engine(), stride=1, max_side=24).shown(image)
    means = image.reshape(16, 4, 24, 4, channels).mean(axis=(1, 3))
    assert shown.shape == (16, 24, channels)
    assert np.abs(shown - means).max() <= 1  # rounded along rows, then columns
    assert Predictor(Engine(), max_side=24).predict([image])[0].shape == (64, 96)


@pytest.mark.parametrize("size", [(300, 400), (77, 33)])
def test_of_rgb_the_average_is_pillows(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    shown = Predictor(Engine(), stride=1, max_side=32).shown(image)
    expected = Image.fromarray(image).resize(shown.shape[1::-1], Image.Resampling.BOX)
    np.testing.assert_array_equal(shown, np.asarray(expected))


@pytest.mark.parametrize(("resize", "seen"), [("squash", (24, 24)), ("none", (64, 96))])
def test_an_image_is_shown_as_asked(resize, seen):
    engine = Engine()
    predictor = Predictor(engine, stride=1, max_side=24, resize=resize)
    mask = predictor.predict([half(64, 96)])[0]
    assert engine.shapes == [(1, *seen, 3)]
    np.testing.assert_array_equal(mask, half(64, 96)[..., 0] > 127)


def test_nearest_neighbours_invent_no_probability():
    image = half(8, 8)
    image[:, :4] = 255 * (np.arange(8)[:, None, None] // 4)
    for how, is_whole in (("nearest", True), ("bilinear", False)):
        predictor = Predictor(Engine(), stride=1, max_side=4, resize_back=how)
        values = next(predictor.probabilities([image])).array()
        assert values.shape == (8, 8, 2)
        assert np.isin(values, (0, 1)).all() == is_whole


@pytest.mark.parametrize("words", [{"resize": "crop"}, {"resize_back": "cubic"}])
def test_an_unknown_way_to_resize_is_refused(words):
    with pytest.raises(KsegError, match="Unknown resize"):
        Predictor(Engine(), **words)
