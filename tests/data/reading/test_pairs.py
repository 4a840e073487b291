"""How files are laid out: folders, side by side, lists, and what does not fit."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from kseg.data.reading.pairs import find_pairs


def put(path, suffix=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


def names(layout, split="train"):
    return [pair.name for pair in layout.checked().splits[split]]


def test_pairs_match_by_stem_in_order(tmp_path):
    for stem in ("b", "a", "Ünder Score"):
        put(tmp_path / f"train/images/{stem}.JPG")
        put(tmp_path / f"train/masks/{stem}.png")
    assert names(find_pairs(tmp_path)) == ["a", "b", "Ünder Score"]


def test_equal_stems_in_two_folders_are_two_pairs(tmp_path):
    for part in ("x", "y"):
        put(tmp_path / f"train/images/{part}/1.png")
        put(tmp_path / f"train/masks/{part}/1.png")
    assert names(find_pairs(tmp_path)) == ["x/1", "y/1"]


def test_accents_match_however_the_disk_spells_them(tmp_path):
    put(tmp_path / "images" / (unicodedata.normalize("NFC", "é") + ".png"))
    put(tmp_path / "masks" / (unicodedata.normalize("NFD", "é") + ".png"))
    assert names(find_pairs(tmp_path), "all") == ["é"]


def test_links_to_files_and_folders_are_followed_once(tmp_path):
    put(tmp_path / "real/1.png")
    put(tmp_path / "masks/in/1.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/in").symlink_to(tmp_path / "real")
    (tmp_path / "real/loop").symlink_to(tmp_path / "images")
    assert names(find_pairs(tmp_path), "all") == ["in/1"]


@pytest.mark.parametrize(
    "hidden", ["train/images/.ipynb_checkpoints/0.png", "train/images/._0.png"]
)
def test_hidden_files_are_passed_over(rectangles, hidden):
    put(rectangles / hidden)
    assert len(names(find_pairs(rectangles))) == 6


def test_one_pair_of_folders_is_not_split(tmp_path):
    for stem in "ab":
        put(tmp_path / f"images/{stem}.webp")
        put(tmp_path / f"masks/{stem}.tif")
    layout = find_pairs(tmp_path)
    assert names(layout, "all") == ["a", "b"]
    assert layout.note == "one folder: images/ and masks/ by stem"


@pytest.mark.parametrize("ending", ["_mask", "-seg"])
@pytest.mark.parametrize("folder", ["", "train"])
def test_masks_lie_beside_their_images(tmp_path, ending, folder):
    for stem in ("x", "deep/y"):
        put(tmp_path / folder / f"{stem}.jpg")
        put(tmp_path / folder / f"{stem}{ending}.png")
    layout = find_pairs(tmp_path, ending)
    assert names(layout, folder or "all") == ["deep/y", "x"]
    assert f"ending in {ending}" in layout.note
    assert layout.splits[folder or "all"][1].mask.name == f"x{ending}.png"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pairs.csv", "image,mask,split\ni/a b.png,m/1.png,train\ni/2.png,m/2.png,val\n"),
        ("pairs.csv", "\ufeffImage;Mask;Split\ni/a b.png;m/1.png;Train\n\ni/2.png;m/2.png;val\n"),
        ("pairs.tsv", "# a note\ni/a b.png\tm/1.png\ttrain\ni/2.png\tm/2.png\tval\n"),
        ("pairs.txt", "i/a b.png, m/1.png, train\ni/2.png m/2.png val\n"),
    ],
)
def test_lists_name_pairs_and_their_splits(tmp_path, file, text):
    for name in ("i/a b", "i/2", "m/1", "m/2"):
        put(tmp_path / f"{name}.png")
    (tmp_path / file).write_text(text, encoding="utf-8")
    layout = find_pairs(tmp_path / file)
    assert names(layout) == ["a b"]
    assert layout.splits["val"][0].mask == tmp_path / "m/2.png"


def test_a_list_without_splits(tmp_path):
    for name in "ab":
        put(tmp_path / f"{name}.png")
    (tmp_path / "list.txt").write_text("a.png b.png\n")
    assert names(find_pairs(tmp_path / "list.txt"), "all") == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.png\n", "line 1: expected an image, its mask"),
        (",b.png\n", "line 1: expected an image, its mask"),
        ("a.png,b.png,dev\n", "line 1: the split 'dev' is none of train, val, test"),
        ("a.png,b.png,train\nc.png,d.png\n", "names the split of some pairs only"),
        ("a.png,b.png\na.png,d.png\n", r"line 2: .*a\.png stands there twice"),
        ("a.png,nowhere.png\n", r"line 1: .*nowhere\.png does not exist"),
        ("image,mask\n", "lists no pair"),
        ("a.png,c.jpg\n", r"c\.jpg cannot be a mask"),
        ("mask,image\na.png,b.png\n", "the first column must be the image"),
        ("a.png,a.png\n", r"image and mask are one file, .*a\.png"),
    ],
)
def test_a_wrong_list_is_explained(tmp_path, text, expected):
    for name in ("a.png", "b.png", "c.png", "d.png", "c.jpg"):
        put(tmp_path / name)
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=expected):
        find_pairs(tmp_path / "list.csv").checked()


@pytest.mark.parametrize(
    ("text", "split", "expected"),
    [
        ("# notes\n#7.png,m.png\n", "all", "#7"),
        ('a b.png, "m.png"\n', "all", "a b"),
        ('"a b.png" m.png\n', "all", "a b"),
        ("file name,label\na b.png,m.png\n", "all", "a b"),
        ("in\\deep.png,m.png\n", "all", "deep"),
        ("a b.png,m.png,Training\n", "train", "a b"),
    ],
)
def test_lists_are_read_as_people_write_them(tmp_path, text, split, expected):
    for name in ("#7.png", "a b.png", "in/deep.png", "m.png"):
        put(tmp_path / name)
    (tmp_path / "list.csv").write_text(text)
    assert names(find_pairs(tmp_path / "list.csv"), split) == [expected]


def test_other_files_are_no_list(tmp_path):
    (tmp_path / "data.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"data\.zip is no list of pairs"):
        find_pairs(tmp_path / "data.zip")
    (tmp_path / "data.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a text in UTF-8"):
        find_pairs(tmp_path / "data.txt")


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ("masks/2.png", r"images/2\.png has no partner: expected a mask .*masks/2\.png"),
        ("images/2.png", r"masks/2\.png has no partner: expected an image"),
    ],
)
def test_a_file_alone_is_named(rectangles, lost, expected):
    (rectangles / "train" / lost).unlink()
    layout = find_pairs(rectangles)
    assert [fault.kind for fault in layout.faults] == ["alone"]
    with pytest.raises(ValueError, match=expected):
        layout.checked()


def test_all_faults_are_counted(rectangles):
    for index in range(3):
        (rectangles / f"train/masks/{index}.png").unlink()
    with pytest.raises(ValueError, match="2 more files do not fit"):
        find_pairs(rectangles).checked()


@pytest.mark.parametrize("part", ["images", "masks"])
def test_an_empty_split_is_named(rectangles, part):
    for path in (rectangles / "train" / part).iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=rf"train/{part} holds no file"):
        find_pairs(rectangles).checked()


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_missing_folder_is_named(rectangles, part):
    (rectangles / "train" / part).rename(rectangles / "train/other")
    with pytest.raises(ValueError, match=rf"train/{part} is missing"):
        find_pairs(rectangles).checked()
    assert find_pairs(rectangles).checked("val", "test").splits.keys() == {"val", "test"}


def test_jpeg_masks_are_refused(rectangles):
    put(rectangles / "train/masks/9.jpg")
    put(rectangles / "train/images/9.jpg")
    layout = find_pairs(rectangles)
    assert [fault.kind for fault in layout.faults] == ["no mask"]
    assert len(layout.splits["train"]) == 6
    with pytest.raises(ValueError, match=r"9\.jpg cannot be a mask"):
        layout.checked()


def test_two_files_of_one_stem_are_refused(rectangles):
    put(rectangles / "train/images/2.bmp")
    with pytest.raises(ValueError, match="one stem"):
        find_pairs(rectangles).checked()


@pytest.mark.parametrize(
    ("folder", "split"), [("valid", "val"), ("Validation", "val"), ("TEST", "test")]
)
def test_splits_are_known_by_their_usual_names(rectangles, folder, split):
    (rectangles / split).rename(rectangles / "moved")
    (rectangles / "moved").rename(rectangles / folder)
    assert len(names(find_pairs(rectangles), split)) == {"val": 3, "test": 2}[split]


def test_what_cannot_be_told_is_asked_and_what_is_passed_over_is_said(rectangles):
    (rectangles / "train/images/notes.gif").write_bytes(b"GIF89a")
    put(rectangles / "extra/1.png")
    layout = find_pairs(rectangles).checked()
    assert [path.name for path in layout.others] == ["extra", "notes.gif"]
    assert "passed over" in layout.notes[1]
    put(rectangles / "images/1.png")
    with pytest.raises(ValueError, match="it cannot be told which are meant"):
        find_pairs(rectangles)
    (rectangles / "valid").mkdir()
    with pytest.raises(ValueError, match="are both val"):
        find_pairs(rectangles)


@pytest.mark.parametrize("extra", ["batch2/images/1.png", "images/1.gif", "loose.png"])
def test_one_folder_says_what_it_passes_over(tmp_path, extra):
    put(tmp_path / "images/1.png")
    put(tmp_path / "masks/1.png")
    put(tmp_path / extra)
    (tmp_path / "classes.json").write_text("{}")
    (passed,) = find_pairs(tmp_path).checked().others
    assert str(tmp_path / extra).startswith(str(passed))


def test_files_beside_pairs_are_passed_over_with_a_word(tmp_path):
    for name in ("1.png", "1_mask.png", "2.gif"):
        put(tmp_path / name)
    (tmp_path / "classes.json").write_text("{}")
    assert [path.name for path in find_pairs(tmp_path).checked().others] == ["2.gif"]


def test_two_folders_that_differ_in_case_are_refused(tmp_path):
    for part in ("images", "Images", "masks"):
        put(tmp_path / part / "1.png")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this disk does not tell cases apart")
    with pytest.raises(ValueError, match="differ in case alone"):
        find_pairs(tmp_path)


def test_masks_in_their_folder_may_have_an_ending_too(tmp_path):
    put(tmp_path / "images/1.jpg")
    put(tmp_path / "masks/1_mask.png")
    assert names(find_pairs(tmp_path), "all") == ["1"]


def test_a_fault_in_the_test_split_stops_no_training(rectangles):
    (rectangles / "test/masks/0.png").unlink()
    layout = find_pairs(rectangles)
    assert len(layout.checked("train", "val").splits["train"]) == 6
    with pytest.raises(ValueError, match="no partner"):
        layout.checked("test")


@pytest.mark.parametrize("start", ["{root}/", "../{name}/"])
def test_names_of_a_list_stay_below_any_folder(tmp_path, start):
    for name in ("a/1", "b/1", "m1", "m2"):
        put(tmp_path / f"data/{name}.png")
    start = start.format(root=tmp_path / "data", name="data")
    (tmp_path / "lists").mkdir()
    text = f"{start}a/1.png,{start}m1.png\n{start}b/1.png,{start}m2.png\n"
    (tmp_path / "lists/x.csv").write_text(text)
    layout = find_pairs(tmp_path / "lists/x.csv")
    assert names(layout, "all") == ["a/1", "b/1"]


def test_two_images_of_a_list_have_two_names(tmp_path):
    for name in ("a.png", "a.bmp", "m.png", "n.png"):
        put(tmp_path / name)
    (tmp_path / "x.csv").write_text("a.png,m.png\na.bmp,n.png\n")
    assert [fault.kind for fault in find_pairs(tmp_path / "x.csv").faults] == ["doubled"]
