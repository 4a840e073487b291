"""The page of a report in a real browser."""

import pytest

import kseg
from tests.browser import chromium
from tests.conftest import write_data


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    write_data(root / "data")
    tiny = {"arch": "convnet", "width": 2, "size": 32, "batch_size": 3, "epochs": 1}
    run = kseg.train(data=root / "data", name="small", runs=root / "runs", **tiny)
    return kseg.report(run, split="val")


@pytest.fixture
def opened(browser, report):
    """The page, what its console said, and what it asked the network for."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    yield page, said, asked
    page.close()


def test_it_opens_without_an_error_and_asks_nobody(opened, report):
    _, said, asked = opened
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_nothing_is_wider_than_the_screen(opened, width):
    page, _, _ = opened
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#gallery img").first.bounding_box()["width"] > 100


def test_printed_on_a4_nothing_is_cut_off(opened):
    """What scrolls on a screen is lost on paper: 180 mm between margins of 15 mm."""
    page, _, _ = opened
    page.set_viewport_size({"width": 680, "height": 1000})
    page.emulate_media(media="print")
    widths = page.eval_on_selector_all(".wide", "all => all.map(one => one.scrollWidth)")
    assert widths
    assert max(widths) <= 680
    rows = page.eval_on_selector_all(
        ".card div", "all => all.map(one => new Set([...one.children].map(c => c.offsetTop)).size)"
    )
    assert set(rows) == {1}


def test_a_click_enlarges_and_the_arrows_go_on(opened):
    page, said, _ = opened
    dialog = page.locator("dialog")
    page.locator("#gallery img").nth(1).click()
    assert dialog.get_attribute("open") is not None
    first = dialog.locator("span").inner_text()
    assert first.startswith("truth of ")
    page.keyboard.press("ArrowRight")
    assert dialog.locator("span").inner_text() == first.replace("truth", "prediction")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("span").inner_text() == first.replace("truth", "image")
    page.keyboard.press("Escape")
    assert dialog.get_attribute("open") is None
    assert said == []


def test_a_class_chooses_and_orders_the_images(opened):
    page, said, _ = opened
    cards = page.locator(".card")
    page.select_option("#filter", label="box")
    told = page.locator(".card:not([hidden]) .own").all_inner_texts()
    scores = [float(text.rpartition(" ")[2]) for text in told]
    assert len(scores) == cards.count() == 3
    assert scores == sorted(scores)
    assert page.locator("#count").inner_text() == "3 of 3"
    page.select_option("#filter", label="any class")
    assert page.locator(".own").first.inner_text() == ""
    assert said == []


def test_it_is_dark_where_the_reader_wants_that(browser, report):
    page = browser.new_page(color_scheme="dark")
    page.goto(report.as_uri())
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('svg text')).fill]"
    )
    page.close()
    assert sum(map(int, paper[4:-1].split(","))) < 120
    assert sum(map(int, ink[4:-1].split(","))) > 600
