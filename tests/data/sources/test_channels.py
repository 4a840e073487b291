"""A folder of images of 1, 4 or 6 channels, from the files to the batches."""

import numpy as np
import pytest
from PIL import Image

from kseg.data import (
    ArraySamples,
    CachedOnDisk,
    Source,
    TrainingBatches,
    ValidationBatches,
    augmentation,
    stack,
)
from kseg.data.augment.mixing import copy_paste, cutmix
from kseg.data.doctor.examination import examine
from kseg.data.sources.source import open_pairs
from kseg.data.statistics import describe, survey
from kseg.labels import Labels

LABELS = Labels(("ground", "thing"))


def band_values(channels):
    return np.arange(channels, dtype=np.uint8) * 30 + 60


@pytest.fixture(params=[1, 4, 6])
def folder(request, tmp_path):
    """Four training and two validation images, each band of one value; and their channels."""
    channels = request.param
    image = np.broadcast_to(band_values(channels), (20, 24, channels)).copy()
    for split, count in (("train", 4), ("val", 2)):
        for part in ("images", "masks"):
            (tmp_path / split / part).mkdir(parents=True)
        for index in range(count):
            write(image, tmp_path / split / "images", index)
            mask = np.eye(20, 24, dtype=np.uint8)
            Image.fromarray(mask).save(tmp_path / split / "masks" / f"{index}.png")
    return tmp_path, channels


def write(image, folder, stem):
    if image.shape[-1] < 5:
        pixels = image[..., 0] if image.shape[-1] == 1 else image
        Image.fromarray(pixels).save(folder / f"{stem}.png")
    else:
        tifffile = pytest.importorskip("tifffile")
        options = {"photometric": "minisblack", "planarconfig": "contig"}
        tifffile.imwrite(folder / f"{stem}.tif", image, **options)


def test_batches_hold_every_band(folder):
    path, channels = folder
    splits = Source(str(path), max_side=20, channels=channels).open()
    augment = augmentation("none", (8, 8), 255, channels=channels)
    images, masks = TrainingBatches(splits.train, 2, augment, mix=cutmix)[0]
    assert (images.shape, masks.shape) == ((2, 8, 8, channels), (2, 8, 8))
    np.testing.assert_array_equal(images, np.broadcast_to(band_values(channels), images.shape))
    images, masks = ValidationBatches(splits.val, 2, (32, 32))[0]
    assert (images.shape, masks.shape) == ((2, 32, 32, channels), (2, 32, 32))
    np.testing.assert_array_equal(images, np.broadcast_to(band_values(channels), images.shape))


def test_nothing_is_broken_and_every_band_is_described(folder):
    path, channels = folder
    source = Source(str(path), channels=channels)
    assert source.broken() == {}
    train = source.open().train
    assert survey(train).sizes.tolist() == [[20, 24]] * 4
    found = describe(train)
    np.testing.assert_allclose(found.mean, band_values(channels))
    np.testing.assert_allclose(found.std, np.zeros(channels), atol=1e-6)
    samples, _ = open_pairs(path, channels=channels)
    assert samples[0].image.shape == (20, 24, channels)


def test_the_doctor_looks_at_every_band(folder):
    path, channels = folder
    report = examine(path, channels=channels)
    # All images are alike, and class 1 is a line of one pixel: 20 of 480.
    assert {finding.kind for finding in report.findings} == {"leak", "doubled images"}
    assert report.suggestion["size"] == [32, 32]
    assert {finding.kind for finding in examine(path, channels=2).findings} >= {"unreadable"}


def test_with_another_number_of_channels_every_pair_is_broken(folder):
    path, channels = folder
    broken = Source(str(path), channels=2).broken()
    assert len(broken) == 6
    assert all(f"has {channels} band(s); expected 2" in text for text in broken.values())


def test_a_cache_on_disk_and_a_stack_keep_every_band(folder):
    path, channels = folder
    train = Source(str(path), channels=channels).open().train
    cached = CachedOnDisk(train)
    for _ in range(2):
        for index in range(len(train)):
            np.testing.assert_array_equal(cached[index].image, train[index].image)
            np.testing.assert_array_equal(cached[index].mask, train[index].mask)
    assert stack(cached)[0].shape == (4, 20, 24, channels)


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_arrays_of_any_number_of_channels_are_samples(channels):
    images, masks = np.zeros((3, 5, 6, channels), np.uint8), np.zeros((3, 5, 6), np.uint8)
    assert ArraySamples(images, masks, LABELS)[2].image.shape == (5, 6, channels)


@pytest.mark.parametrize(
    "shapes", [[(5, 6, 9)], [(5, 6)], [(5, 6, 0)], [(5, 6, 3), (5, 6, 4)], [(5, 7, 3)]]
)
def test_arrays_of_other_channels_are_refused(shapes):
    images = [np.zeros(shape, np.uint8) for shape in shapes]
    masks = [np.zeros((5, 6), np.uint8) for _ in shapes]
    with pytest.raises(ValueError, match=f"of 1 to 8 channels.*number {len(shapes) - 1}"):
        ArraySamples(images, masks, LABELS)


def test_two_samples_of_six_bands_are_mixed_in_every_band():
    one, other = (np.full((4, 4, 6), value, np.uint8) for value in (1, 2))
    mask, rng = np.eye(4, dtype=np.uint8), np.random.default_rng(0)
    mixed, _ = copy_paste([0, 1])(one, np.zeros_like(mask), other, mask, rng)
    np.testing.assert_array_equal(mixed, np.repeat(1 + mask[..., None], 6, axis=2))


def test_shapes_have_three_channels_and_no_source_has_nine(tmp_path):
    with pytest.raises(ValueError, match="shapes have 3 channels. Received: channels=4"):
        Source("shapes", channels=4)
    with pytest.raises(ValueError, match="channels must be from 1 to 8. Received: 9"):
        Source(str(tmp_path), channels=9)
