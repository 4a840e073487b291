"""The page in the browser: an image in, classes and files out, a sentence where it is broken."""

import base64
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kseg
from kseg.demo import answers as demo
from kseg.demo.answers import Answers, Choice
from kseg.demo.page import started
from tests.browser import chromium
from tests.conftest import draw_pair, write_data

pytest.importorskip("gradio", reason="gradio is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:gradio")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    write_data(root / "data")
    tiny = {"width": 2, "size": 32, "batch_size": 3, "epochs": 1, "runs": root / "runs"}
    return [
        kseg.train(data=root / "data", name="plain", arch="convnet", **tiny),
        kseg.train(data=root / "data", name="nested", arch="unetpp", **tiny | {"width": 4}),
    ]


@pytest.fixture(scope="module")
def served(runs):
    """The page, with the folder that its files lie in."""
    with started(Answers(runs), "127.0.0.1", None) as address:
        yield address, Path(os.environ["GRADIO_TEMP_DIR"])


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def opened(browser, served):
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served[0])
    page.wait_for_selector("input[type=file]", state="attached")
    yield page, asked
    page.close()


@pytest.fixture
def photo(tmp_path):
    image, _ = draw_pair(np.random.default_rng(3), (60, 80))
    path = tmp_path / "photo.png"
    Image.fromarray(image).save(path)
    return path


def test_an_image_is_segmented_as_by_the_command_and_its_files_are_there(opened, photo, runs):
    page, asked = opened
    page.set_input_files("input[type=file]", photo)
    page.wait_for_selector("#said >> text=80x60 pixels", timeout=60_000)
    (found,) = kseg.predict(runs[0], photo)
    for name, share in found.areas.items():
        assert page.locator(f"text={name}").count() > 0
        assert page.locator(f"text={share:.1%}").count() > 0
    page.wait_for_selector("a[download='photo_mask.png']", state="attached")
    with page.expect_download() as downloading:
        page.locator("a[download='photo_mask.png']").first.click()
    mask = np.asarray(Image.open(downloading.value.path()))
    np.testing.assert_array_equal(mask, found.mask)
    own = page.url.rpartition("/")[0]
    assert [url for url in asked if not url.startswith((own, "data:", "blob:"))] == []


COPY = """async (address) => {
    const blob = await (await fetch(address)).blob();
    await navigator.clipboard.write([new ClipboardItem({"image/png": blob})]);
}"""


def test_an_image_is_pasted(browser, served, photo):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(served[0])
    page.wait_for_selector("input[type=file]", state="attached")
    encoded = base64.b64encode(photo.read_bytes()).decode()
    page.evaluate(COPY, f"data:image/png;base64,{encoded}")
    page.get_by_label("Paste from clipboard").click()
    page.wait_for_selector("#said >> text=80x60 pixels", timeout=60_000)
    context.close()


def test_a_broken_image_is_answered_by_a_sentence(opened, tmp_path):
    page, _ = opened
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    page.set_input_files("input[type=file]", path)
    page.wait_for_selector("#said >> text=broken.png is not an image", timeout=30_000)


def test_ten_at_once_are_all_answered(served, tmp_path):
    from gradio_client import Client, handle_file

    told = []

    def ask(number):
        image, _ = draw_pair(np.random.default_rng(number), (60, 80))
        photo = tmp_path / f"{number}.png"
        Image.fromarray(image).save(photo)
        client = Client(served[0], verbose=False, download_files=False)
        told.append(client.predict(handle_file(photo), "plain", "whole", "none", "keras", 0.5,
                                   False, api_name="/asked"))  # fmt: skip

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(told) == 10
    assert all("80x60 pixels" in one[0] for one in told)


def test_nothing_is_left_when_it_ends(runs):
    with started(Answers(runs[:1]), "127.0.0.1", None):
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder.is_dir()
    assert not folder.exists()


def test_levels_and_views_answer_as_in_python(runs, photo):
    answers = Answers(runs)
    assert answers.levels("plain") == ["whole"]
    assert answers.levels("nested") == ["whole", "1", "2", "3", "4"]
    whole = answers.answer(photo, "photo.png", Choice("nested"))
    level = answers.answer(photo, "photo.png", Choice("nested", level="1"))
    assert not np.array_equal(whole.found.confidence, level.found.confidence)
    flipped = answers.answer(photo, "photo.png", Choice("nested", tta="flip"))
    (expected,) = kseg.predict(runs[1], photo, tta="flip")
    np.testing.assert_array_equal(flipped.found.mask, expected.mask)
    with pytest.raises(kseg.KsegError, match="answers alone"):
        answers.answer(photo, "photo.png", Choice("nested", level="1", tta="flip"))


def test_areas_and_files_tell_what_the_mask_holds(runs, photo, tmp_path):
    answer = Answers(runs).answer(photo, "some/photo.png", Choice("plain"))
    assert sum(area for _, area, _ in answer.areas) == pytest.approx(1)
    for name, area, sure in answer.areas:
        inside = answer.found.mask == answer.labels.names.index(name)
        assert area == pytest.approx(inside.mean())
        assert sure == pytest.approx(answer.found.confidence[inside].mean())
    mask, picture, regions = answer.write(tmp_path / "out", 0.5, contours=False)
    np.testing.assert_array_equal(np.asarray(Image.open(mask)), answer.found.mask)
    assert Image.open(picture).size == (80, 60)
    assert json.loads(Path(regions).read_text())["type"] == "FeatureCollection"


def test_what_is_too_large_is_refused_before_it_is_read(runs, photo, monkeypatch):
    answers = Answers(runs)
    monkeypatch.setattr(demo, "MOST_PIXELS", 100)
    with pytest.raises(kseg.KsegError, match="more than 100 pixels"):
        answers.answer(photo, "photo.png", Choice("plain"))
    monkeypatch.setattr(demo, "MOST_BYTES", 10)
    with pytest.raises(kseg.KsegError, match="MiB"):
        answers.answer(photo, "photo.png", Choice("plain"))


def test_the_command_leaves_nothing_when_the_system_ends_it(runs, tmp_path):
    command = [sys.executable, "-m", "kseg", "demo", runs[0].name, "--runs", runs[0].path.parent]
    own = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, text=True) as process:
        try:
            while "Ctrl-C" not in process.stdout.readline():
                assert process.poll() is None
            assert list(tmp_path.glob("kseg-demo-*"))
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert not list(tmp_path.glob("kseg-demo-*"))
