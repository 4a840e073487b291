"""Batches: a pure function of seed, epoch and index; nothing lost, nothing invented."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from kseg.data import (
    ArraySamples,
    Cached,
    CachedOnDisk,
    Sample,
    ShapesSamples,
    TrainingBatches,
    ValidationBatches,
    augmentation,
    stack,
)
from kseg.labels import Labels
from kseg.losses import CrossEntropy
from kseg.metrics import MeanIoU

pytestmark = pytest.mark.backend


class Numbered:
    """Images whose every pixel is their number."""

    labels = Labels(("a", "b"))

    def __init__(self, count, size=(4, 6)):
        self.count, self.size, self.reads = count, size, 0

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.reads += 1
        image = np.full((*self.size, 3), index, np.uint8)
        return Sample(str(index), image, np.full(self.size, index % 2, np.uint8))


def keep(image, mask, seed):
    return image, mask


def epoch_of(batches, epoch):
    batches.epoch = epoch
    return [batches[i] for i in range(len(batches))]


def test_an_epoch_holds_each_sample_once():
    batches = epoch_of(TrainingBatches(Numbered(12), 4, keep), 0)
    seen = [image[0, 0, 0] for images, _ in batches for image in images]
    assert sorted(seen) == list(range(12))
    assert seen != list(range(12))


def test_what_does_not_fill_a_batch_is_left_for_another_epoch():
    batches = TrainingBatches(Numbered(10), 4, keep)
    assert len(batches) == 2
    seen = {x[0, 0, 0] for epoch in range(5) for b, _ in epoch_of(batches, epoch) for x in b}
    assert seen == set(range(10))


def test_fewer_samples_than_a_batch_still_train():
    assert len(TrainingBatches(Numbered(3), 8, keep)) == 1


def test_epochs_repeat_by_their_number_and_differ_among_each_other():
    size = (64, 64)

    def make(seed):
        samples = ShapesSamples(count=6, size=size)
        return TrainingBatches(samples, 3, augmentation("light", size, 255), seed)

    one, again, later, other = (
        epoch_of(make(seed), epoch) for seed, epoch in ((1, 4), (1, 4), (1, 5), (2, 4))
    )
    for (x, y), (same_x, same_y) in zip(one, again, strict=True):
        np.testing.assert_array_equal(x, same_x)
        np.testing.assert_array_equal(y, same_y)
    assert (one[0][0] != later[0][0]).any()
    assert (one[0][0] != other[0][0]).any()


def losses_with(workers):
    """The losses of two epochs of a network that hardly changes, batches made by threads."""
    size = (32, 32)
    batches = TrainingBatches(
        ShapesSamples(count=8, size=size), 2, augmentation("light", size, 255), 0, workers
    )
    inputs = keras.Input((*size, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(6, 1, activation="softmax")(inputs))
    model.set_weights([np.full_like(weight, 0.01) for weight in model.get_weights()])
    model.layers[-1].bias.assign(np.arange(6.0))
    model.compile(keras.optimizers.SGD(1e-6), CrossEntropy())
    set_epoch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
    )
    return model.fit(batches, epochs=2, verbose=0, shuffle=False, callbacks=[set_epoch]).history[
        "loss"
    ]


def test_threads_change_nothing_in_fit():
    one, three = losses_with(1), losses_with(3)
    assert one == pytest.approx(three, rel=1e-4)
    assert abs(one[0] - one[1]) > 0.01


@pytest.mark.parametrize("count", [3, 29])
def test_evaluation_in_keras_sees_every_image_once(count):
    """Also where Keras takes a batch beforehand to find out the shapes."""

    class Identified(Numbered):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            return Sample(sample.name, sample.image, np.full(self.size, index, np.uint8))

    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(32, 1, activation="softmax")(inputs))
    metric = MeanIoU(32)
    model.compile(loss=CrossEntropy(), metrics=[metric])
    batches = ValidationBatches(Identified(count), 2, (4, 6), workers=3)
    for _ in range(2):
        model.evaluate(batches, verbose=0)
        assert metric.matrix.sum(axis=1).tolist() == [4 * 6] * count + [0] * (32 - count)


def test_validation_keeps_order_and_pads_with_void():
    batches = ValidationBatches(Numbered(5), 2, (8, 8))
    assert len(batches) == 3
    images, masks = zip(*(batches[i] for i in range(3)), strict=True)
    images, masks = np.concatenate(images), np.concatenate(masks)
    assert images.shape == (5, 8, 8, 3)
    assert images[:, 7, 7, 0].tolist() == [0, 1, 2, 3, 4]
    assert (masks[:, 4:] == 255).all()
    assert (masks[:, :, 6:] == 255).all()
    assert masks[:, 3, 5].tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(("size", "expected"), [((20, 30), {0, 4}), ((70, 90), {0, 4, 11})])
def test_augmentation_invents_no_label(size, expected):
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 20:50] = 4
    image = np.repeat(mask[..., None] * 30, 3, axis=2)
    augment = augmentation("light", size, 11)
    values = set()
    for seed in range(50):
        got_image, got_mask = augment(image, mask, seed)
        assert got_image.shape == (*size, 3)
        assert got_mask.shape == size
        values |= set(np.unique(got_mask).tolist())
    assert values == expected


def test_what_is_drawn_for_a_sample_does_not_hang_together():
    """A ramp tells the scale by its slope and the crop's place by its level."""
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8)[:, None, None], (1, 100, 3))
    ramp[:, :50, 2] = 0
    augment, mask = augmentation("light", (40, 40), 255, (0.8, 1.6)), np.zeros((100, 100), np.uint8)
    scales, places, flips = [], [], []
    for seed in range(300):
        image = augment(ramp, mask, seed)[0].astype(float)
        scale = 2 * 39 / (image[-1, 20, 0] - image[0, 20, 0])
        scales.append(scale)
        places.append(image[0, 20, 0] / 2 * scale / (100 * scale - 40))
        flips.append(image[5, 0, 2] > image[5, -1, 2])
    drawn = np.corrcoef([scales, places, flips])
    assert np.abs(drawn - np.eye(3)).max() < 0.2


def test_augmentation_moves_image_and_mask_alike():
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 8:24] = 1
    image = np.repeat(mask[..., None] * 200, 3, axis=2)
    for seed in range(20):
        got_image, got_mask = augmentation("light", (64, 64), 255)(image, mask, seed)
        inside = got_mask != 255
        agreement = ((got_image[..., 0] > 100) == (got_mask == 1))[inside].mean()
        assert agreement > 0.97


@pytest.mark.parametrize("cache", [Cached, CachedOnDisk])
def test_cache_reads_each_sample_once_and_respects_its_limit(cache):
    samples = Numbered(4)
    cached = cache(samples)
    for _ in range(2):
        for index in range(4):
            sample, expected = cached[index], Numbered(4)[index]
            assert sample.name == expected.name
            np.testing.assert_array_equal(sample.image, expected.image)
            np.testing.assert_array_equal(sample.mask, expected.mask)
    assert samples.reads == 4
    small = cache(samples, limit=2 * 4 * 6 * 4)
    for index in (0, 1, 2, 2, 0):
        small[index]
    assert samples.reads == 4 + 4


def test_a_cache_on_disk_holds_images_of_any_size_and_leaves_nothing_behind(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (50, 70), (3, 2), (64, 64)]
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    masks = [rng.integers(0, 2, size, dtype=np.uint8) for size in sizes]
    cached = CachedOnDisk(ArraySamples(images, masks, Numbered.labels), folder=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for index, sample in enumerate(pool.map(cached.__getitem__, range(4))):
                np.testing.assert_array_equal(sample.image, images[index])
                np.testing.assert_array_equal(sample.mask, masks[index])
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_ends_the_cache_and_not_the_training(monkeypatch):
    samples = Numbered(3)
    cached = CachedOnDisk(samples)
    cached[0]
    monkeypatch.setattr(cached, "_file", Full(cached._file))
    for _ in range(2):
        for index in range(3):
            assert cached[index].image[0, 0, 0] == index
    assert samples.reads == 1 + 2 * 2


class Full:
    """A file that takes no more than a byte of what is written."""

    def __init__(self, file):
        self.file = file

    def write(self, content):
        return self.file.write(content[:1])

    def tell(self):
        return self.file.tell()

    def fileno(self):
        return self.file.fileno()


def test_the_time_waited_for_a_batch_is_counted():
    class Slow(Numbered):
        def __getitem__(self, index):
            time.sleep(0.05)
            return super().__getitem__(index)

    for samples, expected in ((Slow(4), 0.1), (Numbered(4), 0.0)):
        batches = TrainingBatches(samples, 2, augmentation("none", (4, 6), 255), workers=1)
        batches[0]
        assert batches.waited == pytest.approx(expected, abs=0.08)


def test_arrays_in_memory_are_samples():
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)
    masks = np.array([0, 1, 255])[np.random.default_rng(1).integers(0, 3, (3, 4, 6))]
    samples = ArraySamples(images, masks, Numbered.labels)
    np.testing.assert_array_equal(samples[2].image, images[2])
    np.testing.assert_array_equal(samples[2].mask, masks[2])
    assert samples[2].mask.dtype == np.uint8
    images, masks = TrainingBatches(samples, 2, augmentation("light", (4, 4), 255))[0]
    assert images.shape == (2, 4, 4, 3)
    with pytest.raises(ValueError, match=r"Mask 1 holds the values \[2\]"):
        ArraySamples(samples._images, np.full((3, 4, 6), 2), Numbered.labels)[1]
    with pytest.raises(ValueError, match=r"uint8 .*Received number 0: image float64"):
        ArraySamples(np.zeros((1, 4, 6, 3)), np.zeros((1, 4, 6), int), Numbered.labels)
    with pytest.raises(ValueError, match="as many entries as images: 3"):
        ArraySamples(samples._images, samples._masks[:2], Numbered.labels)


def test_stack_refuses_mixed_sizes():
    images, masks = stack(Numbered(3))
    assert images.shape == (3, 4, 6, 3)
    assert masks.shape == (3, 4, 6)

    class Mixed(Numbered):
        def __getitem__(self, index):
            return Numbered(3, (4, 6 + index))[index]

    with pytest.raises(ValueError, match="one size"):
        stack(Mixed(3))


def test_closed_batches_let_go_of_threads_and_data():
    """TensorFlow keeps what a network was fitted on: a fold would keep the images of all before."""
    samples = ShapesSamples("val", count=4, size=(32, 32))
    kept = weakref.ref(samples)
    before = set(threading.enumerate())
    batches = ValidationBatches(samples, 2, size=(32, 32))
    assert batches[0][0].shape == (2, 32, 32, 3)
    threads = set(threading.enumerate()) - before
    assert threads
    batches.close()
    del samples
    gc.collect()
    assert kept() is None
    assert len(batches) == 0
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
