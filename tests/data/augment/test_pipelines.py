"""Augmentation: no label is invented, the seed fixes all, and pipelines of a user's are checked."""

import albumentations as A
import numpy as np
import pytest
import yaml

from kseg.data.augment.pipelines import augmentation, read_pipeline, write_pipeline
from kseg.data.augment.presets import PRESETS

SIZE, VOID = (48, 40), 200


def scene(seed, size=(60, 90)):
    """An image whose red channel tells the class of a pixel, and its mask of classes 3 and 7."""
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.choice([3, 7], (6, 9)), np.ones((10, 10), int)).astype(np.uint8)
    mask = np.resize(mask, size)
    image = rng.integers(60, 120, (*size, 3), dtype=np.uint8)
    image[..., 0] = np.where(mask == 7, 220, 20)
    return image, mask


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(60, 90), (20, 200), (3, 2)])
def test_no_label_is_invented_and_the_size_is_kept(preset, size):
    augment = augmentation(preset, SIZE, VOID)
    seen = set()
    for seed in range(20):
        image, mask = augment(*scene(seed, size), seed)
        assert image.shape == (*SIZE, 3)
        assert mask.shape == SIZE
        assert image.dtype == mask.dtype == np.uint8
        seen |= set(np.unique(mask).tolist())
    assert seen <= {3, 7, VOID}
    assert 3 in seen


@pytest.mark.parametrize("preset", ["light", "none", "sharpness"])
def test_image_and_mask_move_together(preset):
    augment = augmentation(preset, SIZE, VOID)
    for seed in range(10):
        image, mask = augment(*scene(0), seed)
        inner = (mask == 7) == (image[..., 0] > 120)
        assert inner[mask != VOID].mean() > 0.93


@pytest.mark.parametrize("preset", PRESETS)
def test_the_seed_fixes_the_result_whatever_came_before(preset):
    one, other = augmentation(preset, SIZE, VOID), augmentation(preset, SIZE, VOID)
    for seed in (5, 1, 9):
        one(*scene(seed), seed)
    for seed in (3, 9):
        for mine, theirs in zip(one(*scene(1), seed), other(*scene(1), seed), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    results = [other(*scene(1), seed)[0].tobytes() for seed in range(4)]
    assert len(set(results)) == 4


def test_a_users_pipeline_may_crop(tmp_path):
    path = saved(tmp_path / "mine.yaml", A.RandomCrop(300, 300))
    image, mask = augmentation(path, SIZE, VOID)(*scene(0, (400, 500)), 0)
    assert mask.shape == SIZE
    with pytest.raises(ValueError, match=r"mine\.yaml failed on .* of 60x90 pixels and 3 channels"):
        augmentation(path, SIZE, VOID)(*scene(0), 0)


@pytest.mark.parametrize(
    "transform",
    [
        A.Resize(53, 71, p=1),
        A.OneOf([A.RandomScale((-0.3, 0.4), p=1)], p=1),
        A.RandomResizedCrop((53, 71), p=1),
        A.LongestMaxSize(71, p=1),
        A.Sequential([A.CropAndPad(px=-5, keep_size=True, p=1)], p=1),
    ],
)
def test_a_resized_mask_lies_on_its_image(tmp_path, transform):
    """A disc of 1 on 0: where the image is bright the mask is 1, but for blurred pixels.

    With OpenCV's plain nearest neighbour they agree on 0.84 to 0.92 of the disc.
    """
    rows, columns = np.indices((64, 64))
    disc = ((rows - 30) ** 2 + (columns - 33) ** 2 < 8**2).astype(np.uint8)
    image = np.dstack([200 * disc] * 3)
    augment = augmentation(saved(tmp_path / "mine.yaml", transform), (96, 96), VOID)
    agreements = []
    for seed in range(20):
        got_image, got_mask = augment(image, disc, seed)
        bright, one = got_image[..., 0] > 100, got_mask == 1
        agreements.append(
            (bright & one & (got_mask != VOID)).sum() / (bright & (got_mask != VOID) | one).sum()
        )
    assert np.mean(agreements) > 0.96


def test_light_scales_within_its_range():
    augment = augmentation("light", (400, 400), VOID, scale=(0.5, 2.0))
    image, mask = np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100), np.uint8)
    widths = [(augment(image, mask, seed)[1] == 0).any(axis=0).sum() for seed in range(200)]
    assert 50 <= min(widths) < 60
    assert 185 < max(widths) <= 200


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_written_as_yaml_and_read_again(preset, tmp_path):
    path = tmp_path / "augmentation.yaml"
    write_pipeline(path, read_pipeline(preset), SIZE, (0.75, 1.5))
    again, first = augmentation(path, SIZE, VOID), augmentation(preset, SIZE, VOID)
    for seed in range(3):
        image, mask = again(*scene(seed), seed)
        assert image.shape == (*SIZE, 3)
        assert set(np.unique(mask)) <= {3, 7, VOID}
        assert mask.shape == first(*scene(seed), seed)[1].shape


def saved(path, transform):
    path.write_text(yaml.safe_dump(A.to_dict(A.Compose([transform]))))
    return path


@pytest.mark.parametrize(
    "transform",
    [
        A.Affine(rotate=(45, 45), p=1),
        A.OneOf([A.Sequential([A.Affine(rotate=(45, 45), p=1)])], p=1),
        A.PixelDropout(0.2, mask_drop_value=0, p=1),
        A.CoarseDropout(fill_mask=0, p=1),
    ],
)
def test_padding_of_a_users_pipeline_is_void(tmp_path, transform):
    path = saved(tmp_path / "mine.yaml", transform)
    _, mask = augmentation(path, (60, 90), VOID)(*scene(0), 0)
    assert VOID in mask
    assert set(np.unique(mask)) <= {3, 7, VOID}


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (A.Normalize(), "normalises by itself"),
        (A.Normalize(p=0.001), "normalises by itself"),
        (A.ToGray(num_output_channels=1, p=0.5), "returns images"),
        (A.Resize(9, 9, area_for_downscale="image_mask"), "Resize interpolates masks"),
        (A.Rotate(mask_interpolation=1), "Rotate interpolates masks"),
        (A.OneOf([A.Affine(mask_interpolation=2)]), "Affine interpolates masks"),
    ],
)
def test_a_pipeline_that_spoils_images_or_masks_is_refused(tmp_path, transform, expected):
    with pytest.raises(ValueError, match=expected):
        augmentation(saved(tmp_path / "mine.yaml", transform), SIZE, VOID)


def test_a_file_of_one_bare_transform_is_held_to_the_same(tmp_path):
    path = tmp_path / "bare.yaml"
    A.save(A.Affine(rotate=(-30, 30), mask_interpolation=1, p=1), path, data_format="yaml")
    with pytest.raises(ValueError, match="Affine interpolates masks"):
        augmentation(path, SIZE, VOID)


@pytest.mark.parametrize("text", ["", "a: [", "transform: {__class_fullname__: os.system}", "- 1"])
def test_a_file_that_is_no_pipeline_is_refused(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ValueError, match="is no pipeline of albumentations"):
        augmentation(tmp_path / "mine.yaml", SIZE, VOID)
    with pytest.raises(ValueError, match="does not exist"):
        augmentation(tmp_path / "other.yaml", SIZE, VOID)


def test_an_unknown_preset_or_a_wrong_scale_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'photo'"):
        augmentation("foto", SIZE, VOID)
    with pytest.raises(ValueError, match="scale must rise"):
        augmentation("light", SIZE, VOID, scale=(2, 1))


def bands(seed, channels, size=(60, 90)):
    """Bands that each tell a pixel's row, column and band, and a mask of classes 3 and 7."""
    rows, columns = np.indices(size)
    planes = [(rows + 2 * columns + 20 * band) % 256 for band in range(channels)]
    return np.dstack(planes).astype(np.uint8), scene(seed, size)[1]


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 8])
@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"driving", "photo"}))
def test_images_of_any_number_of_channels_are_augmented(preset, channels):
    augment = augmentation(preset, SIZE, VOID, channels=channels)
    for size in ((60, 90), (20, 200), (3, 2)):
        for seed in range(5):
            image, mask = augment(*bands(seed, channels, size), seed)
            assert image.shape == (*SIZE, channels)
            assert image.dtype == np.uint8
            assert set(np.unique(mask)) <= {3, 7, VOID}


@pytest.mark.parametrize("preset", ["light", "none"])
def test_more_bands_move_as_the_first_three_do(preset):
    """The geometry is the same: of six bands the first three are what RGB of them becomes."""
    three, six = (augmentation(preset, SIZE, VOID, channels=count) for count in (3, 6))
    for seed in range(10):
        image, mask = bands(0, 6)
        few, many = three(image[..., :3], mask, seed), six(image, mask, seed)
        np.testing.assert_array_equal(few[0], many[0][..., :3])
        np.testing.assert_array_equal(few[1], many[1])


@pytest.mark.parametrize("preset", ["driving", "photo"])
@pytest.mark.parametrize("channels", [1, 4])
def test_presets_that_change_colours_take_three_channels_alone(preset, channels):
    with pytest.raises(ValueError, match=f"changes colours.*Received: channels={channels}"):
        augmentation(preset, SIZE, VOID, channels=channels)


def test_a_pipeline_that_needs_rgb_is_refused_before_the_training(tmp_path):
    path = saved(tmp_path / "mine.yaml", A.RGBShift(p=0.001))
    augmentation(path, SIZE, VOID)
    with pytest.raises(ValueError, match=r"mine\.yaml failed on an image of .* and 4 channels: "):
        augmentation(path, SIZE, VOID, channels=4)
