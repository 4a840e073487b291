"""The site of the documentation: built strictly, served, and opened in a browser."""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.browser import chromium

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    folder = tmp_path_factory.mktemp("site")
    quiet = os.environ | {"DISABLE_MKDOCS_2_WARNING": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


def test_every_page_of_docs_and_every_part_has_its_place(site):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")} <= pages
    stubs = {path.parent.name for path in (ROOT / "kseg").glob("*/__init__.pyi")}
    assert {f"reference/{part}.html" for part in stubs} <= pages


def test_docstrings_commands_and_fields_are_there(site):
    losses = (site / "reference/losses.html").read_text()
    assert 'id="kseg.losses.overlap.Dice"' in losses
    line = (site / "reference/command_line.html").read_text()
    assert "--find-lr" in line
    recipe = (site / "reference/recipe.html").read_text()
    assert "optimizer.learning_rate" in recipe
    intervals = (site / "reference/metrics.html").read_text()
    assert re.search(r"<code>.*?&gt;&gt;&gt; </span>.*?groups_of", intervals, re.DOTALL)


@pytest.fixture(params=["served", "a folder"])
def address(site, request):
    """Where the site is served, or lies."""
    if request.param == "a folder":
        yield site.as_uri()
        return
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_it_fits_a_phone_asks_no_other_host_and_is_searched(address):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: said.append(str(error)))
        for name in ("index.html", "reference/losses.html", "report.html"):
            page.goto(f"{address}/{name}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.set_viewport_size({"width": 1280, "height": 800})
        page.reload(wait_until="networkidle")
        page.locator(".md-search__input").click()
        page.keyboard.type("temperature", delay=20)
        page.wait_for_selector(".md-search-result__item a", timeout=20_000)
        page.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert said == []
