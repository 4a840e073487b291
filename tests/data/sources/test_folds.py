"""Folds of a data set: disjoint parts that validate in turn, of all but the test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kseg.data.sources import splitting
from kseg.data.sources.source import Source
from kseg.errors import KsegError
from tests.conftest import write_split


def names_of(source, split):
    samples = source.split(split, source.open().labels)
    return [samples[index].name for index in range(len(samples))]


def folds_of(data, folds, **options):
    return [Source(str(data), folds=folds, fold=n + 1, **options) for n in range(folds)]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 200), st.integers(2, 12))
def test_parts_are_of_one_size_up_to_one_sample(count, parts):
    if count < parts:
        return
    sizes = splitting.part_sizes(count, splitting.equal_fractions(count, parts))
    assert (len(sizes), sum(sizes)) == (parts, count)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("split_by", ["random", "classes"])
def test_each_image_of_train_and_val_validates_once(rectangles, split_by):
    """Images of one name lie in both; the test split stays apart."""
    sources = folds_of(rectangles, 4, split_by=split_by)
    held = [names_of(source, "val") for source in sources]
    everything = {f"train/{n}" for n in range(6)} | {f"val/{n}" for n in range(3)}
    assert sorted(name for names in held for name in names) == sorted(everything)
    assert {len(names) for names in held} <= {2, 3}
    for source, names in zip(sources, held, strict=True):
        assert set(names_of(source, "train")) == everything - set(names)
        assert names_of(source, "test") == ["0", "1"]


def test_a_test_that_is_split_off_is_the_same_in_all_folds(tmp_path):
    write_split(tmp_path / "all", 10)
    sources = folds_of(tmp_path / "all", 4, test_fraction=0.2)
    tests = {tuple(names_of(source, "test")) for source in sources}
    assert len(tests) == 1
    (test,) = tests
    held = [name for source in sources for name in names_of(source, "val")]
    assert sorted([*held, *test]) == [str(number) for number in range(10)]
    assert sources[0].split_off == {"val": names_of(sources[0], "val"), "test": list(test)}


def test_a_rare_class_is_in_every_fold(tmp_path):
    write_split(tmp_path / "all", 12)
    for number in range(12):
        mask = np.zeros((40, 48), np.uint8)
        mask[:9] = 1 + (number < 3)
        Image.fromarray(mask).save(tmp_path / f"all/masks/{number}.png")
    for source in folds_of(tmp_path / "all", 3, split_by="classes"):
        assert len({"0", "1", "2"} & set(names_of(source, "val"))) == 1


def test_groups_stay_together_across_train_and_val(tmp_path):
    for split, count in (("train", 6), ("val", 3)):
        write_split(tmp_path / split, count)
        for part in ("images", "masks"):
            for number in range(count):
                path = tmp_path / split / part / f"{number}.png"
                path.rename(path.with_name(f"video{number % 3}_{split}{number}.png"))
    groups = []
    for source in folds_of(tmp_path, 3, split_by="group:^(.*)_"):
        groups.append({name.split("/")[1].split("_")[0] for name in names_of(source, "val")})
        assert len(names_of(source, "val")) == 3
    assert sorted(map(sorted, groups)) == [["video0"], ["video1"], ["video2"]]


def test_what_was_kept_is_split_alike_although_there_are_more_images(tmp_path):
    write_split(tmp_path / "all", 6)
    before = Source(str(tmp_path / "all"), folds=3, fold=2)
    names, kept = names_of(before, "val"), before.split_off
    for part in ("images", "masks"):
        old = tmp_path / "all" / part / "0.png"
        (tmp_path / "all" / part / "9.png").write_bytes(old.read_bytes())
    after = Source(str(tmp_path / "all"), folds=3, fold=2, kept=kept)
    assert names_of(after, "val") == names
    assert "9" in names_of(after, "train")


def test_a_pair_that_is_skipped_is_in_no_fold(rectangles):
    sources = folds_of(rectangles, 3, skipped=("train/0",), split_by="classes")
    held = [name for source in sources for name in names_of(source, "val")]
    assert sorted(held) == sorted(
        [f"train/{n}" for n in range(1, 6)] + [f"val/{n}" for n in range(3)]
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"folds": 10}, "folds= must be at most the number of images to divide: .* has 9.*: 10"),
        ({"folds": 3, "fold": 4}, "fold= must be from 1 to 3.* Received: 4"),
        ({"folds": 4, "split_by": "group:^([0-2])?"}, "not found in the name|4 parts are wanted"),
    ],
)
def test_folds_that_there_cannot_be_are_refused(rectangles, options, expected):
    with pytest.raises(KsegError, match=expected):
        Source(str(rectangles), **options).open()


def test_shapes_are_drawn_in_folds():
    sources = folds_of("shapes", 3, size=(16, 16))
    held = [names_of(source, "val") for source in sources]
    assert [len(names) for names in held] == [300, 300, 300]
    assert len({name for names in held for name in names}) == 900
    assert len(sources[1].split("train", sources[1].open().labels)) == 600
    assert len(sources[1].split("test", sources[1].open().labels)) == 200
    assert sources[1].open().notes == ("fold 2 of 3 (random, seed 0) validates",)
