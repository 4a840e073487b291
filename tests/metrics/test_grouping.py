"""Which images are drawn together."""

import numpy as np

from kseg.metrics import groups_of


def parts(names):
    groups = groups_of(names)
    return {frozenset(n for n, g in zip(names, groups, strict=True) if g == one) for one in groups}


def test_the_frames_of_a_video_and_the_tiles_of_a_photo_stay_together():
    videos = [f"clip{v}_{f:04}" for v in range(12) for f in range(0, 90, 30)]
    assert parts(videos) == {frozenset(videos[i : i + 3]) for i in range(0, 36, 3)}
    tiles = [f"photo{p}_{r}_{c}" for p in range(12) for r in range(2) for c in range(2)]
    assert parts(tiles) == {frozenset(tiles[i : i + 4]) for i in range(0, 48, 4)}
    folders = [f"{f}/{i}" for f in "abcdefghijkl" for i in (1, 2)]
    assert parts(folders) == {frozenset(folders[i : i + 2]) for i in range(0, 24, 2)}


def test_one_long_video_is_cut_into_neighbours_whatever_their_order():
    frames = [f"Seq05VD_f{number}" for number in range(300)]  # f9 comes before f10
    rng = np.random.default_rng(0)
    shuffled = [frames[index] for index in rng.permutation(300)]
    found = parts(shuffled)
    assert len(found) == round(np.sqrt(300))
    for part in found:
        numbers = sorted(int(name[9:]) for name in part)
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert 9 <= len(part) <= 38  # halved, not crumbled


def test_names_without_a_number_and_few_images_are_each_their_own():
    assert groups_of(["cat", "dog", "cow"]).tolist() == [0, 1, 2]
    assert groups_of(["1", "2", "3"]).tolist() == [0, 1, 2]
    assert groups_of([]).size == 0
    assert len(set(groups_of([str(number) for number in range(30)]).tolist())) == 10
