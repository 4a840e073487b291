"""The doctor: nothing in a clean data set, and each of many planted faults by its name."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from kseg.data import ShapesSamples
from kseg.data.doctor.examination import examine
from kseg.data.sources.shapes import LABELS


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Shapes as JPEG and PNG files, every class in either split."""
    root = tmp_path_factory.mktemp("clean")
    for split, count in (("train", 16), ("val", 10)):
        for part in ("images", "masks"):
            (root / split / part).mkdir(parents=True)
        samples = ShapesSamples(split, count, (64, 80))
        for index in range(count):
            write(root / split, index, samples[index].image, samples[index].mask)
    (root / "classes.json").write_text(json.dumps({"classes": LABELS.names}))
    return root


@pytest.fixture
def data(clean, tmp_path):
    import shutil

    return shutil.copytree(clean, tmp_path / "data")


def write(folder, stem, image, mask):
    Image.fromarray(image).save(folder / f"images/{stem}.jpg", quality=95)
    Image.fromarray(mask).save(folder / f"masks/{stem}.png")


def read(path):
    return np.asarray(Image.open(path))


def change_masks(function, count=None):
    """Return a function that changes the first masks of train, or all masks."""

    def spoil(data):
        paths = sorted(data.glob("train/masks/*" if count else "*/masks/*"))
        for path in paths[:count]:
            Image.fromarray(function(read(path))).save(path)

    return spoil


def truncated(data):
    path = data / "train/images/1.jpg"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_image(data):
    (data / "val/masks/1.png").write_text("hello")


def several_frames(data):
    frames = [Image.fromarray(np.full((64, 80), value, np.uint8)) for value in (0, 1)]
    (data / "train/masks/1.png").unlink()
    frames[0].save(data / "train/masks/1.tif", save_all=True, append_images=frames[1:])


def mask_missing(data):
    (data / "train/masks/1.png").unlink()


def image_missing(data):
    (data / "val/images/1.jpg").unlink()


def doubled_stem(data):
    Image.new("RGB", (80, 64)).save(data / "train/images/1.bmp")


def jpeg_mask(data):
    Image.open(data / "train/masks/1.png").save(data / "train/masks/1.jpg")
    (data / "train/masks/1.png").unlink()


def rotated(orientation):
    def spoil(data):
        path = data / "train/images/1.jpg"
        image = Image.open(path)
        exif = image.getexif()
        exif[0x0112] = orientation
        image.save(path, exif=exif)

    return spoil


def compressed(data):
    """Every mask was a JPEG once, of indices that were spread to see them."""
    for path in data.glob("*/masks/*"):
        Image.open(path).save(path.with_suffix(".jpg"), quality=80)
        read_back = read(path.with_suffix(".jpg"))
        Image.fromarray(read_back).save(path)
        path.with_suffix(".jpg").unlink()


def interpolated(mask):
    small = Image.fromarray(mask * 40).resize((40, 32), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((80, 64), Image.Resampling.BILINEAR))


def of_two_classes(data):
    (data / "classes.json").write_text('{"classes": ["ground", "thing"]}')
    change_masks(lambda mask: np.where(mask > 0, 255, 0).astype(np.uint8))(data)


def colored(data):
    (data / "classes.json").unlink()
    change_masks(lambda mask: LABELS.colorize(mask))(data)


def wrong_color(data):
    change_masks(lambda mask: LABELS.colorize(mask))(data)
    path = data / "train/masks/1.png"
    mask = read(path).copy()
    mask[:4, :4] = (1, 2, 3)
    Image.fromarray(mask).save(path)


def copied(split):
    def spoil(data):
        image, mask = (data / f"train/{name}" for name in ("images/1.jpg", "masks/1.png"))
        # Saved again, a little darker: no byte of the file is the same.
        darker = (read(image) * 0.98).astype(np.uint8)
        write(data / split, "copy", darker, read(mask))

    return spoil


def no_star_in(split):
    def spoil(data):
        for path in data.glob(f"{split}/masks/*"):
            mask = read(path).copy()
            mask[mask == 4] = 0
            Image.fromarray(mask).save(path)

    return spoil


def one_more_class(data):
    (data / "classes.json").write_text(json.dumps({"classes": [*LABELS.names, "unicorn"]}))


def broken_classes(data):
    (data / "classes.json").write_text('{"names": []}')


def few_stars(data):
    no_star_in("*")(data)
    for split in ("train", "val"):
        path = data / f"{split}/masks/1.png"
        mask = read(path).copy()
        mask[:6, :6] = 4
        mask[8, 8] = 0
        Image.fromarray(mask).save(path)
    for path in data.glob("*/masks/*"):
        if path.stem != "1":
            continue
        mask = read(path).copy()
        mask[:6, :6] = 4
        mask[2:, :6] = 0
        Image.fromarray(mask).save(path)


def specks(mask):
    mask = mask.copy()
    mask[::8, ::8] = 1
    return mask


def larger_images(data):
    sample = ShapesSamples("train", 40, (256, 256))[39]
    write(data / "train", "large", sample.image, sample.mask)


def half_black_and_white(data):
    of_two_classes(data)
    for path in sorted(data.glob("*/masks/*"))[::2]:
        Image.fromarray(np.minimum(read(path), 1)).save(path)


def no_masks_of_test(data):
    (data / "test/images").mkdir(parents=True)
    Image.new("RGB", (80, 64)).save(data / "test/images/1.png")


def another_format(data):
    (data / "train/images/extra.gif").write_bytes(b"GIF89a")


def void_forgotten(data):
    """Street scenes with a twelfth value, of outlines as thin as specks, that nobody declared."""
    for path in data.glob("*/masks/*"):
        mask = read(path).copy()
        mask[::9, ::9] = 11
        Image.fromarray(mask).save(path)


def no_train(data):
    (data / "train").rename(data / "test")


def classes_in_train(data):
    (data / "classes.json").rename(data / "train/classes.json")


def of_twelve_bits(data):
    path = data / "train/images/1.jpg"
    grey = read(path)[..., 0].astype(np.uint16) * 16
    path.unlink()
    Image.fromarray(grey).save(path.with_suffix(".png"))


def tiff(*more):
    """Make the first image a TIFF, with more bands than three."""

    def spoil(data):
        path = data / "train/images/1.jpg"
        pixels = read(path)
        path.unlink()
        pixels = np.dstack([pixels, *(band(pixels[..., 0]) for band in more)])
        tifffile.imwrite(path.with_suffix(".tif"), pixels, photometric="rgb", planarconfig="contig")

    return spoil


def infrared(red):
    return 255 - red


def opaque(red):
    return np.full_like(red, 255)


def one_mask_for_two(data):
    (data / "train/masks/2.png").unlink()
    (data / "train/masks/2.png").symlink_to(data / "train/masks/1.png")


FAULTS = {
    "void forgotten": (void_forgotten, "error", "values outside"),
    "no train": (no_train, "error", "no train"),
    "classes.json elsewhere": (classes_in_train, "error", "classes"),
    "12 bits": (of_twelve_bits, "warning", "dark images"),
    "four bands": (tiff(infrared), "warning", "spare bands"),
    "six bands": (tiff(infrared, infrared, infrared), "warning", "spare bands"),
    "one mask for two": (one_mask_for_two, "warning", "shared masks"),
    "0/255 in part": (half_black_and_white, "error", "0/255 masks in part"),
    "test without masks": (no_masks_of_test, "error", "incomplete"),
    "another format": (another_format, "warning", "passed over"),
    "truncated": (truncated, "error", "unreadable"),
    "no image": (no_image, "error", "unreadable"),
    "several frames": (several_frames, "error", "unreadable"),
    "mask missing": (mask_missing, "error", "alone"),
    "image missing": (image_missing, "error", "alone"),
    "doubled stem": (doubled_stem, "error", "doubled"),
    "jpeg mask": (jpeg_mask, "error", "no mask"),
    "other size": (change_masks(lambda mask: mask[:60], 1), "error", "size mismatch"),
    "rotated by 90": (rotated(6), "error", "rotation"),
    "rotated by 180": (rotated(3), "warning", "rotation"),
    "compressed": (compressed, "error", "values between classes"),
    "interpolated": (change_masks(interpolated), "error", "values between classes"),
    "0/255": (of_two_classes, "error", "0/255 masks"),
    "value outside": (change_masks(lambda m: np.where(m > 0, 9, m), 1), "error", "values outside"),
    "colours without a map": (colored, "error", "classes"),
    "a colour outside": (wrong_color, "error", "values outside"),
    "a broken classes.json": (broken_classes, "error", "classes"),
    "leak": (copied("val"), "error", "leak"),
    "copied": (copied("train"), "warning", "doubled images"),
    "void": (change_masks(lambda mask: np.full_like(mask, 255), 1), "warning", "void masks"),
    "all void": (change_masks(lambda mask: np.full_like(mask, 255)), "error", "void masks"),
    "one value": (change_masks(np.zeros_like, 1), "warning", "masks of one value"),
    "missing in val": (no_star_in("val"), "warning", "classes missing in val"),
    "missing in train": (no_star_in("train"), "warning", "classes missing in train"),
    "missing": (one_more_class, "warning", "classes without pixels"),
    "rare": (few_stars, "warning", "imbalance"),
    "specks": (change_masks(specks), "warning", "tiny regions"),
    "sizes": (larger_images, "note", "sizes vary"),
}


def test_nothing_is_found_in_a_clean_data_set(clean):
    seen = []
    report = examine(clean, on_pair=lambda: seen.append(1))
    assert report.findings == ()
    assert report.is_sound
    assert report.pairs == {"train": 16, "val": 10}
    assert len(seen) == 26
    assert report.suggestion == {
        "classes": list(LABELS.names),
        "ignore": 255,
        "max_side": 320,
        "size": [32, 32],
        "loss": "ce",
        "class_weights": "none",
    }


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(data, name):
    spoil, severity, kind = FAULTS[name]
    spoil(data)
    report = examine(data)
    found = [(finding.severity, finding.kind) for finding in report.findings]
    assert any(one == severity and what.startswith(kind) for one, what in found), found
    assert report.is_sound == (severity != "error")
    order = [("error", "warning", "note").index(one) for one, _ in found]
    assert order == sorted(order)
    for finding in report.findings:
        assert finding.text.endswith(".")
        assert finding.remedy.endswith((".", "}"))
    json.dumps(report.to_dict())


def test_more_bands_than_three_are_data_unless_the_fourth_is_alike_everywhere(data):
    tiff(infrared)(data)
    (finding,) = examine(data).findings
    assert finding.text.endswith("1.tif holds 4 bands, of which the first three are read.")
    assert finding.files == (str(data / "train/images/1.tif"),)
    assert "kseg.train(channels=4) reads 4" in finding.remedy


def test_an_alpha_that_is_alike_everywhere_is_nothing_to_say(data):
    tiff(opaque)(data)
    assert examine(data).findings == ()


def test_a_folder_without_pairs_is_a_finding_too(tmp_path):
    report = examine(tmp_path)
    assert [finding.kind for finding in report.findings] == ["no pairs"]
    assert not report.is_sound


def test_a_small_difference_tells_images_apart_and_an_orientation_of_0_is_upright(tmp_path):
    """A part on a belt, seen again and again, in one image with a fault."""
    rng = np.random.default_rng(0)
    part = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    for split, corner in (("train", 0), ("val", 80)):
        for folder in ("images", "masks"):
            (tmp_path / split / folder).mkdir(parents=True)
        image, mask = part.copy(), np.zeros(part.shape[:2], np.uint8)
        image[corner : corner + 12, :12] = 255 - image[corner : corner + 12, :12]
        mask[corner : corner + 14, :14] = 1
        exif = Image.Exif()
        exif[0x0112] = 0
        Image.fromarray(image).save(tmp_path / f"{split}/images/1.jpg", exif=exif)
        Image.fromarray(mask).save(tmp_path / f"{split}/masks/1.png")
    assert examine(tmp_path).findings == ()


def test_void_that_nobody_declared_is_named_with_the_remedy(data):
    void_forgotten(data)
    finding = examine(data).findings[0]
    assert "values 11, which are none of the 6 classes" in finding.text
    assert finding.remedy.endswith('"ignore": 11.')


def test_colours_that_mean_the_rest_and_quarter_turns_that_fit_are_no_faults(data):
    content = json.loads((data / "classes.json").read_text())
    content |= {"palette": list(LABELS.colors[:6]), "values": {"*": 255}}
    (data / "classes.json").write_text(json.dumps(content))
    wrong_color(data)
    rotated(6)(data)
    path = data / "train/images/1.jpg"
    exif = Image.open(path).getexif()
    Image.open(path).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    assert examine(data).findings == ()


def test_a_rare_class_is_named_with_what_the_training_does_about_it(data):
    few_stars(data)
    (finding,) = (finding for finding in examine(data).findings if finding.kind == "imbalance")
    # 12 pixels of star among 16 training images of 64x80.
    assert finding.text == "Rare classes, by their part of the pixels: star (0.01%)."
    assert "kseg.train() weighs the classes by itself" in finding.remedy
    assert examine(data).suggestion["class_weights"] == "enet"


def test_a_fault_names_its_files(data):
    truncated(data)
    (finding,) = examine(data).findings
    assert [path.rpartition("/")[2] for path in finding.files] == ["1.jpg"]
    assert "1.jpg cannot be read: image file is truncated" in finding.text


def test_the_real_images_have_no_error(camvid):
    report = examine(camvid)
    assert report.is_sound
    assert {finding.kind for finding in report.findings} == {
        "doubled images",
        "imbalance",
        "tiny regions",
    }
