"""The page about runs: its numbers, what it shows, and that it stands alone."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest

import kseg
from kseg.errors import ArgumentError
from kseg.reports.page import ASKED
from kseg.runs.history import read_class_iou
from kseg.workflows.data import check_data


class Text(HTMLParser):
    """The text of a page, without its script and style, and the pictures' addresses."""

    def __init__(self, page):
        super().__init__()
        self.words, self.pictures, self.links, self._inside = [], [], [], None
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self._inside = tag
        if tag == "img":
            self.pictures.append((given["alt"], given.get("src", "")))
        self.links += [given[name] for name in ("href", "src", "action") if given.get(name)]

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.words.append(data)


@pytest.fixture(scope="module")
def page(workplace):
    run = kseg.open_run("small", workplace / "runs")
    path = kseg.report(run, split="val", card=True, out=workplace / "pages/one.html")
    return Text(path.read_text())


def test_its_numbers_are_those_of_an_evaluation(page, run):
    found = kseg.evaluate(run, split="val", border=3, calibration=True)
    lower, upper = found.interval
    for value in (found.scores.mean_iou, found.scores.mean_dice, found.border.means["boundary_f1"]):
        assert f"{value:.3f}" in page.text
    assert f"{lower:.3f} to {upper:.3f} in 95 % of data sets" in page.text
    for index, name in enumerate(found.labels.names):
        ends = " to ".join(f"{end:.3f}" for end in found.class_intervals[index])
        row = f"{name} {found.scores.iou[index]:.3f} {ends}"
        assert row in page.text
    assert f"off by {found.calibration.expected_error:.3f} in the mean" in page.text
    truth, other = found.scores.matrix[1].sum(), found.scores.matrix[1, 0]
    assert f"{other / truth:.1%} of box is taken for ground ({other:,} pixels)" in page.text
    assert "So few of them say little" in page.text  # three images


def test_each_image_is_shown_with_truth_prediction_errors_and_uncertainty(page):
    kinds = ["image", "truth", "prediction", "errors", "uncertainty"]
    shown = [alt for alt, source in page.pictures if source]
    assert sorted(shown) == sorted(f"{kind} of {name}" for kind in kinds for name in "012")
    assert all(source.startswith("data:image/") for _, source in page.pictures if source)


def test_nothing_lies_beside_it_and_nothing_is_fetched(page, workplace):
    assert all(link.startswith(("data:", "#")) for link in page.links)
    text = (workplace / "pages/one.html").read_text()
    assert not re.search(r"(@import|url\(|https?://(?!www\.w3\.org))", text.split("<body>")[0])
    assert len(text) < 400_000
    assert sorted(path.name for path in (workplace / "pages").iterdir()) == [
        "MODEL_CARD.md", "one.html"
    ]  # fmt: skip


def test_the_card_says_what_it_is_how_well_it_does_and_where_it_fails(workplace, run):
    card = (workplace / "pages/MODEL_CARD.md").read_text()
    found = kseg.evaluate(run, split="val")
    assert f"mean IoU **{found.scores.mean_iou:.3f}**" in card
    assert f"| box | {found.scores.iou[1]:.3f} |" in card
    assert "is taken for" in card
    assert f"kseg train --recipe {run.recipe_file}" in card


def test_a_card_that_was_filled_in_stays(workplace, run, tmp_path):
    words = {"out": tmp_path / "one.html", "split": "val", "card": True}
    kseg.report(run, **words)
    kseg.report(run, **words)
    card = tmp_path / "MODEL_CARD.md"
    text = card.read_text().replace(ASKED, "It is for the tests, and for nobody else.")
    card.write_text(text)
    kseg.report(run, **words)
    assert card.read_text() == text
    assert ASKED in (tmp_path / "MODEL_CARD_new.md").read_text()


def test_the_doctor_is_asked_with_the_suffix_that_masks_have(workplace, run, tmp_path, monkeypatch):
    for name in ("images", "masks"):
        for path in (workplace / "data/val" / name).iterdir():
            kind = "_label.png" if name == "masks" else path.suffix
            (tmp_path / "other").mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / "other" / f"{path.stem}{kind}")
    found = []

    def checked(data, **words):
        found.append(check_data(data, **words))
        return found[0]

    monkeypatch.setattr("kseg.workflows.data.check_data", checked)
    words = {"mask_suffix": "_label", "out": tmp_path / "other.html"}
    kseg.report(run, data=tmp_path / "other", **words)
    assert sum(found[0].pairs.values()) == 3


@pytest.fixture(scope="module")
def two(workplace):
    """A run, a copy of it, and one that was trained otherwise."""
    root = workplace / "runs"
    shutil.copytree(root / "small", root / "again")
    kseg.train(root / "small", name="other", runs=root, seed=5, set={"loop.epochs": 4})
    return root


def test_of_several_runs_it_says_which_is_better_and_shows_where_they_differ(two):
    path = kseg.report(["small", "again", "other"], split="val", runs=two)
    assert path == two / "small/report_val_of_3_runs.html"
    page = Text(path.read_text())
    one, other = (kseg.evaluate(name, split="val", runs=two) for name in ("small", "other"))
    gain = other.gain_over(one, "small")
    assert "again against small: +0.000 mean IoU, not told apart" in page.text
    lower, upper = gain.interval
    verdict = "better" if lower > 0 else "worse" if upper < 0 else "not told apart"
    assert f"other against small: {gain.mean_iou:+.3f} mean IoU, {verdict}" in page.text
    assert f"lies from {lower:+.3f} to {upper:+.3f}" in page.text
    shown = {alt for alt, source in page.pictures if source}
    assert {"prediction of small of 0", "errors of other of 2"} <= shown


def test_what_a_foreign_run_brings_along_is_text(workplace, run):
    copy = kseg.Run(shutil.copytree(run.path, workplace / "foreign"))
    names = ["<script>alert(1)</script>", "a & b"]
    copy.classes_file.write_text(json.dumps({"classes": names}))
    bad = {"sign": "x", "epoch": 1, "cause": "<img src=//evil.org>", "mend": "&"}
    copy.findings_file.write_text(json.dumps([bad]))
    data = shutil.copytree(workplace / "data", workplace / "foreign_data")
    (data / "classes.json").write_text(json.dumps({"classes": names}))
    path = kseg.report(copy, data=data, split="val", out=workplace / "foreign.html")
    page = Text(path.read_text())
    assert "Epoch 1: <img src=//evil.org> &" in page.text
    assert path.read_text().count("<script>") == 1
    assert "//evil.org" not in page.links


def test_a_wrong_wish_is_refused_before_anything_is_scored(workplace):
    root = workplace / "runs"
    with pytest.raises(ArgumentError, match=r"end in \.html"):
        kseg.report("small", runs=root, out="page.pdf")
    with pytest.raises(ArgumentError, match="named twice"):
        kseg.report(["small", "small"], runs=root)


def test_the_iou_of_the_classes_is_read_epoch_by_epoch(tmp_path):
    path = tmp_path / "history.jsonl"
    lines = [{"epoch": 1}, {"epoch": 2, "val_iou": {"a": 0.5, "b": None}}]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = read_class_iou(path, ["a", "b"])
    assert found["a"].tolist()[1] == 0.5
    assert [column.tolist()[0] == column.tolist()[0] for column in found.values()] == [False, False]
    assert found["b"][1] != found["b"][1]
    path.write_text('{"epoch": 1}\n')
    assert read_class_iou(path, ["a"]) == {}
    assert read_class_iou(tmp_path / "none", ["a"]) == {}
    path.write_text("[1]\n")
    with pytest.raises(kseg.KsegError, match="damaged"):
        read_class_iou(path, ["a"])
