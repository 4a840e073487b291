"""Folders of a user's: pairs, classes, splits, and everything that can be wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from kseg.data.reading.folders import FileSamples, find_labels
from kseg.data.reading.pairs import find_pairs
from kseg.data.sources.source import Source
from kseg.labels import Labels
from tests.conftest import write_split

LABELS = Labels(("ground", "box"))


def put(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def samples_of(folder, split="train", labels=LABELS):
    return FileSamples(find_pairs(folder).checked().splits[split], labels)


def labels_of(folder):
    return find_labels(folder, find_pairs(folder).splits["train"])


def test_a_mask_of_another_size_is_named(rectangles):
    put(rectangles / "train/masks/2.png", np.zeros((8, 9), np.uint8))
    samples = samples_of(rectangles, labels=LABELS)
    with pytest.raises(ValueError, match=r"masks/2\.png is 8x9 pixels, but its image .* 40x48"):
        samples[2]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="neither a folder nor a built-in"):
        Source(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"images is missing. A data folder holds"):
        Source(str(tmp_path)).open()


def test_classes_come_from_the_file(rectangles):
    labels, note = labels_of(rectangles)
    assert labels.names == ("ground", "box")
    assert "classes.json" in note


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0, 1, 2, 255], ("class_0", "class_1", "class_2")),
        ([0, 255], ("background", "foreground")),
    ],
)
def test_classes_come_from_the_masks_without_the_file(rectangles, values, names):
    (rectangles / "classes.json").unlink()
    for path in (rectangles / "train/masks").iterdir():
        put(path, np.resize(np.array(values, np.uint8), (40, 48)))
    labels, note = labels_of(rectangles)
    assert labels.names == names
    assert "masks hold" in note
    assert set(np.unique(samples_of(rectangles, labels=labels)[0].mask)) <= {0, 1, 2, 255}


@pytest.mark.parametrize("values", [[0, 128], [38, 75], [0, 1, 3], list(range(100)), [1, 2]])
def test_values_that_are_no_classes_are_not_guessed(rectangles, values):
    (rectangles / "classes.json").unlink()
    for path in (rectangles / "train/masks").iterdir():
        put(path, np.resize(np.array(values, np.uint8), (40, 48)))
    with pytest.raises(ValueError, match="not class indices"):
        labels_of(rectangles)


@pytest.mark.parametrize("place", ["train/classes.json", "val/masks/classes.json", "Classes.json"])
def test_a_class_file_where_none_is_read_is_named(rectangles, place):
    (rectangles / "classes.json").rename(rectangles / place)
    if (rectangles / "classes.json").exists():
        pytest.skip("this disk does not tell cases apart")
    with pytest.raises(ValueError, match=r"lasses\.json is not read there\. Move it to"):
        Source(str(rectangles)).open()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "classes.json"),
        ("[]", "classes.json"),
        ('{"ignore": 255}', '"classes" is missing'),
        ('{"classes": ["a", "b"], "void": 11}', "Unknown entry 'void'"),
        ('{"classes": ["a", "b"], "ignore_index": 11}', "Did you mean 'ignore'"),
        ('{"classes": ["a", "b"], "ignore": 11.9}', "must be a whole number. Received: 11.9"),
        ('{"classes": ["a", "b"], "values": {"3": 0.9}}', "must be a whole number"),
        ('{"classes": ["a"]}', "at least two"),
        ('{"classes": ["a", "a"]}', "different names"),
        ('{"classes": ["a", "b"], "ignore": 1}', "void index 1 is that of the class 'b'"),
        ('{"classes": ["a", "b"], "palette": [[0, 0, 0]]}', "2 classes need 2 different colours"),
        ('{"classes": "cityscape"}', "Did you mean 'cityscapes'"),
        ('{"classes": 2}', "must be a list of names"),
        ('{"classes": ["a", "b"], "values": {"9-2": 1}}', "the range '9-2'"),
        ('{"classes": ["a", "b"], "values": {"x": 1}}', "the key 'x'"),
        ('{"classes": ["a", "b"], "values": {"*": 7}}', "leads to"),
        ('{"classes": ["a", null]}', "must be a list of names"),
        ('{"classes": ["a", "b"], "values": {"3": 5}}', "leads to"),
    ],
)
def test_a_wrong_class_file_is_explained(rectangles, content, expected):
    (rectangles / "classes.json").write_text(content)
    with pytest.raises(ValueError, match=expected):
        labels_of(rectangles)


def test_a_single_class_is_named(rectangles):
    (rectangles / "classes.json").unlink()
    for path in (rectangles / "train/masks").iterdir():
        put(path, np.zeros((40, 48), np.uint8))
    with pytest.raises(ValueError, match="nothing but 0: at least two classes"):
        labels_of(rectangles)


def test_another_data_set_must_have_the_classes_of_the_run(rectangles):
    source = Source(str(rectangles))
    assert source.labels(LABELS).names == LABELS.names
    with pytest.raises(ValueError, match="the run was trained on sky, road"):
        source.labels(Labels(("sky", "road")))


def test_val_is_split_off_by_seed(tmp_path):
    write_split(tmp_path / "train", 10)
    splits = [Source(str(tmp_path), val_fraction=0.2, seed=seed).open() for seed in (0, 0, 1)]
    names = [[s.val[i].name for i in range(len(s.val))] for s in splits]
    train = [splits[0].train[i].name for i in range(len(splits[0].train))]
    assert names[0] == names[1] != names[2]
    assert sorted([*names[0], *train], key=int) == [str(i) for i in range(10)]
    assert any("split by kseg (random, seed 0): 2 for val" in note for note in splits[0].notes)


def test_the_real_images_count_as_their_page_says(camvid):
    labels, _ = labels_of(camvid)
    counts = np.zeros(12, np.int64)
    samples = samples_of(camvid, labels=labels)
    assert [len(samples_of(camvid, s, labels)) for s in ("train", "val", "test")] == [
        367,
        101,
        233,
    ]
    for index in range(len(samples)):
        counts += np.bincount(samples[index].mask.ravel(), minlength=12)
    assert counts.tolist() == [
        10682767, 14750079, 623349, 20076880, 2845085, 6166762, 743859, 714595, 3719877, 405385,
        184967, 2503995,
    ]  # fmt: skip
    assert json.loads((camvid / "classes.json").read_text())["ignore"] == labels.ignore == 11


def named(samples):
    return [samples[index].name for index in range(len(samples))]


def test_new_files_do_not_move_what_was_split_off(tmp_path):
    write_split(tmp_path, 12)
    source = Source(str(tmp_path), val_fraction=0.25, test_fraction=0.25)
    kept = source.split_off
    assert {name: len(found) for name, found in kept.items()} == {"val": 3, "test": 3}
    for part in ("images", "masks"):
        source_path = tmp_path / part / "0.png"
        (tmp_path / part / "00_new.png").write_bytes(source_path.read_bytes())
    labels = source.open().labels
    again = Source(str(tmp_path), val_fraction=0.25, test_fraction=0.25, kept=kept)
    assert named(again.split("val", labels)) == kept["val"]
    assert named(again.split("test", labels)) == kept["test"]
    assert "00_new" in named(again.split("train", labels))


def test_classes_are_those_of_all_that_is_split(tmp_path):
    write_split(tmp_path, 8)
    mask = np.full((40, 48), 1, np.uint8)
    mask[:3] = 2
    Image.fromarray(mask).save(tmp_path / "masks/5.png")
    for seed in range(6):
        assert len(Source(str(tmp_path), val_fraction=0.4, seed=seed).open().labels) == 3


def test_skipped_pairs_keep_the_split_as_it_is(tmp_path):
    write_split(tmp_path, 10)
    (tmp_path / "masks/3.png").write_bytes(b"")
    for how in ("random", "classes"):
        whole = Source(str(tmp_path), val_fraction=0.3, split_by="random").split_off["val"]
        source = Source(str(tmp_path), val_fraction=0.3, split_by=how)
        broken = source.broken()
        assert list(broken) == ["all/3"]
        left = Source(str(tmp_path), val_fraction=0.3, split_by=how, skipped=tuple(broken))
        splits = left.open()
        assert len(splits.train) + len(splits.val) == 9
        if how == "random":
            assert set(named(splits.val)) == set(whole) - {"3"}


def test_another_data_set_in_one_piece_is_scored_whole(tmp_path):
    write_split(tmp_path, 7)
    source = Source(str(tmp_path), val_fraction=0)
    assert source.best_test == "all"
    assert len(source.split("all", LABELS)) == 7


def test_options_without_effect_are_said(rectangles):
    notes = Source(str(rectangles), split_by="classes").open().notes
    assert any("split_by= and test_fraction= do nothing" in note for note in notes)
