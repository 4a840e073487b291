"""What runs, scores and predictions show of themselves in a notebook."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import kseg
from kseg.callbacks import Finding
from kseg.workflows.watching import Bars
from tests.conftest import write_data


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("notebook")
    write_data(root / "data")
    tiny = {"arch": "convnet", "width": 2, "size": 32, "batch_size": 3, "epochs": 1}
    return kseg.train(data=root / "data", name="small", runs=root / "runs", **tiny)


def pictures(shown):
    found = re.findall(r"data:image/png;base64,([^\"]*)", shown)
    return [Image.open(io.BytesIO(base64.b64decode(content))) for content in found]


def test_a_run_shows_what_it_learned_and_its_pictures(run):
    shown = run._repr_html_()
    assert f"{run.scores.mean_iou:.3f}" in shown
    assert len(pictures(shown)) == 2
    broken = kseg.Run(run.path / "none")
    assert "none" in broken._repr_html_()


def test_scores_show_their_table(run):
    found = kseg.evaluate(run, split="val")
    shown = found._repr_html_()
    cells = re.findall(r"<td>(.*?)</td>", shown)
    assert cells[:2] == ["ground", f"{found.scores.iou[0]:.3f}"]
    assert f"mean IoU {found.scores.mean_iou:.3f}" in shown


def test_a_prediction_shows_its_overlay_and_areas(run, tmp_path):
    array = np.full((400, 500, 3), 90, np.uint8)
    path = tmp_path / "a<b.png"
    Image.fromarray(array).save(path)
    for source in (array, path):
        (found,) = kseg.predict(run, source)
        shown = found._repr_html_()
        (picture,) = pictures(shown)
        assert picture.width == 500
        assert f"{next(iter(found.areas.values())):.1%}" in shown
    assert "a&lt;b.png" in shown
    path.unlink()  # what is gone is white below the colours
    assert pictures(found._repr_html_())[0].width == 500
    path.write_text("no image")
    (found,) = kseg.predict(run, path)
    assert "is not an image" in found._repr_html_()


def test_a_finding_is_shown_whole(monkeypatch):
    """Not as a warning, whose lines are longer than what a cell shows."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert Bars().console.width == 80
    written = io.StringIO()
    finding = Finding("collapsed", 3, "All pixels are [0].", "Weigh the classes. " * 9)
    console = Console(file=written, width=80, soft_wrap=True, force_jupyter=False)
    Bars(console).found(finding)
    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(map(str.strip, lines)) == str(finding).strip()
