"""How a data set in one piece is divided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseg.data.sources import splitting


def is_partition(parts, count):
    return sorted(np.concatenate(parts).tolist()) == list(range(count))


@settings(max_examples=50, deadline=None)
@given(st.integers(4, 80), st.integers(0, 5), st.sampled_from([(0.2,), (0.15, 0.1), (0.5, 0.01)]))
def test_every_sample_is_in_one_part_of_the_size_that_is_asked_for(count, seed, fractions):
    presence = np.random.default_rng(seed).integers(0, 2, (count, 3))
    sizes = splitting.part_sizes(count, fractions)
    for parts in (
        splitting.at_random(count, fractions, seed),
        splitting.by_classes(presence, fractions, seed),
    ):
        assert is_partition(parts, count)
        assert [len(part) for part in parts] == sizes
    assert sum(sizes) == count
    assert sizes[1] == max(1, round(count * fractions[0]))


def test_the_seed_fixes_the_parts():
    presence = np.random.default_rng(0).integers(0, 2, (30, 3))
    for split in (
        lambda seed: splitting.at_random(30, (0.3,), seed),
        lambda seed: splitting.by_classes(presence, (0.3,), seed),
        lambda seed: splitting.by_groups(
            [f"{i // 3}_{i}" for i in range(30)], "^(.*)_", (0.3,), seed
        ),
    ):
        assert split(1)[1].tolist() == split(1)[1].tolist() != split(2)[1].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_by_classes_every_part_has_its_share_of_each_class(seed):
    """A class that 5 of 100 images hold: 1 of them is due in the fifth that validates."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((100, 4), int)
    pixels[:, 0] = 9
    for index, images in enumerate((5, 20, 60), 1):
        pixels[rng.permutation(100)[:images], index] = rng.integers(1, 9, images)
    _, val = splitting.by_classes(pixels, (0.2,), seed)
    assert (pixels[val] > 0).sum(axis=0).tolist() == pytest.approx([20, 1, 4, 12], abs=1)
    assert (pixels[val][:, 1] > 0).sum() == 1


def test_groups_stay_together():
    names = [f"video{i // 10}_frame{i % 10:03d}" for i in range(60)]
    train, val, test = splitting.by_groups(names, r"video\d+", (0.2, 0.2), 0)
    assert is_partition([train, val, test], 60)
    groups = [{names[i].split("_")[0] for i in part} for part in (train, val, test)]
    assert [len(group) for group in groups] == [4, 1, 1]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]


def test_no_part_of_few_groups_is_empty():
    names = ["a_1"] * 20 + ["b_1", "c_1"]
    for seed in range(6):
        parts = splitting.by_groups(names, "^(.)_", (0.1, 0.1), seed)
        assert all(len(part) for part in parts)


def test_what_cannot_be_divided_is_explained():
    with pytest.raises(ValueError, match=r"1 image\(s\) cannot be divided into 2 parts"):
        splitting.at_random(1, (0.15,), 0)
    with pytest.raises(ValueError, match="of which 0.5, 0.6 are split off"):
        splitting.at_random(10, (0.5, 0.6), 0)
    with pytest.raises(ValueError, match=r"'x\+' is not found in the name 'b'"):
        splitting.by_groups(["xa", "b"], "x+", (0.5,), 0)
    with pytest.raises(ValueError, match=r"finds 1 group\(s\) \(v\), but 2 parts"):
        splitting.by_groups(["v1", "v2"], "v", (0.5,), 0)


@pytest.mark.parametrize("seed", range(8))
def test_a_large_group_is_trained_on(seed):
    names = ["big_1"] * 290 + ["a_1"] * 5 + ["b_1"] * 5
    train, val = splitting.by_groups(names, "^(.*)_", (0.15,), seed)
    assert [len(train), len(val)] == [290, 10]


def test_a_group_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="not found in the name 'b1'"):
        splitting.by_groups(["a1", "b1"], "^(a)?", (0.5,), 0)
