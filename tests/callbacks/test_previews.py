"""Previews in a real `fit`: of the same images, after each validated epoch, for any reader."""

import keras
import numpy as np
import pytest
from PIL import Image

import kseg
from kseg.callbacks import Previews
from kseg.data import ShapesSamples, ValidationBatches

pytestmark = pytest.mark.backend

SIZE = (32, 48)


@pytest.fixture(scope="module")
def samples():
    return ShapesSamples("val", count=10, size=(30, 40))


def network(samples, channels=None):
    image = keras.Input((*SIZE, 3))
    classes = channels or len(samples.labels)
    activation = "sigmoid" if classes == 1 else "softmax"
    return keras.Model(
        image, keras.layers.Conv2D(classes, 3, padding="same", activation=activation)(image)
    )


def fit(samples, previews, **how):
    model = network(samples)
    model.compile(
        "sgd", kseg.losses.CrossEntropy(), metrics=[kseg.metrics.MeanIoU(len(samples.labels))]
    )
    batches = ValidationBatches(samples, 5, SIZE)
    model.fit(batches, validation_data=batches, verbose=0, callbacks=[previews], **how)
    return model


def test_a_picture_per_validated_epoch_and_an_animation(samples, tmp_path):
    previews = Previews(tmp_path / "p", samples, SIZE)
    model = fit(samples, previews, epochs=5, validation_freq=2)
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "epoch_002.png",
        "epoch_004.png",
    ]
    with Image.open(tmp_path / "previews.gif") as animation:
        assert animation.n_frames == 2
    fifth = samples[5]
    padded = np.pad(fifth.image, ((0, 2), (0, 8), (0, 0)), mode="edge")
    previews.on_epoch_end(4, {"val_mean_iou": 0.5})
    expected = model.predict(padded[None], verbose=0)[0, :30, :40].argmax(-1)
    pixels = np.asarray(Image.open(tmp_path / "p/epoch_005.png").convert("RGB"))
    colors = samples.labels.colorize(np.kron(expected, np.ones((6, 6), int)))
    row, column = 28 + 2 * (180 + 8), 8 + 2 * (240 + 8)
    np.testing.assert_array_equal(pixels[row : row + 180, column : column + 240], colors)
    truth = samples.labels.colorize(np.kron(fifth.mask, np.ones((6, 6), np.uint8)))
    np.testing.assert_array_equal(pixels[row : row + 180, 256 : 256 + 240], truth)


def test_it_goes_on_from_its_state_and_leaves_others_pictures_out(samples, tmp_path):
    (tmp_path / "p").mkdir()
    Image.new("P", (5, 5)).save(tmp_path / "p/epoch_009.png")
    first = Previews(tmp_path / "p", samples, SIZE)
    fit(samples, first, epochs=1)
    before = (tmp_path / "p/epoch_001.png").stat().st_mtime_ns
    second = Previews(tmp_path / "p", samples, SIZE, tmp_path / "all.gif")
    second.set_state(first.get_state())
    fit(samples, second, initial_epoch=1, epochs=3)
    assert (tmp_path / "p/epoch_001.png").stat().st_mtime_ns == before
    assert Image.open(tmp_path / "all.gif").n_frames == 3


def test_a_single_channel_means_foreground_from_a_half_on(samples, tmp_path):
    previews = Previews(tmp_path / "p", samples, SIZE)
    model = network(samples, 1)
    model.set_weights([np.zeros((3, 3, 3, 1)), np.full(1, 1e-3)])
    previews.set_model(model)
    previews.on_epoch_end(0, {"val_loss": 1.0})
    assert all((mask == 1).all() for mask in previews._predicted())
    model.set_weights([np.zeros((3, 3, 3, 1)), np.full(1, -1e-3)])
    assert all((mask == 0).all() for mask in previews._predicted())


def test_without_a_validation_nothing_is_written(samples, tmp_path):
    previews = Previews(tmp_path / "p", samples, SIZE)
    previews.set_model(network(samples))
    previews.on_epoch_end(0, {"loss": 1.0})
    previews.on_train_end()
    assert not list(tmp_path.iterdir())
