"""Images that memory does not hold: the same masks, and none of the work done twice."""

from contextlib import contextmanager

import numpy as np
import pytest

import kseg
from kseg.data.reading import files, strips
from kseg.errors import ArgumentError
from kseg.inference import Tiling
from kseg.runs import answers
from kseg.workflows.watching import Watch

tifffile = pytest.importorskip("tifffile")
SIZE = (301, 113)


@pytest.fixture
def scan(tmp_path, monkeypatch):
    """A TIFF that counts as too large for memory, and tiles that it takes many of."""
    monkeypatch.setattr(strips, "MAX_PIXELS", 10_000)
    monkeypatch.setattr(answers, "tiling_for", lambda *_, **__: Tiling(96, 64, 8, 32))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (SIZE[0] // 10 + 1, SIZE[1] // 10 + 1, 3), np.uint8)
    pixels = coarse.repeat(10, axis=0).repeat(10, axis=1)[: SIZE[0], : SIZE[1]]
    tifffile.imwrite(tmp_path / "scan.tif", pixels, photometric="rgb", tile=(64, 64))
    return tmp_path / "scan.tif"


class Tiles(Watch):
    """Counts tiles, and stops a job at one of them."""

    def __init__(self, until=10**6):
        self.seen = 0
        self.total = None
        self._until = until

    @contextmanager
    def counting(self, what, total):
        def on_tile():
            self.seen += 1
            if self.seen == self._until:
                raise KeyboardInterrupt

        if what.startswith("tiles"):
            self.total = total
            yield on_tile
        else:
            yield lambda: None


def test_a_large_image_gives_the_mask_of_a_small_one(run, scan):
    watch = Tiles()
    (plain,) = kseg.predict(run, files.read_image(scan), resize="none", progress=watch)
    assert watch.seen == watch.total > 3
    watch = Tiles()
    words = {"out": "out", "resize": "none", "write": "uncertainty"}
    (found,) = kseg.predict(run, "scan.tif", progress=watch, **words)
    assert (watch.seen, found.mask, found.error) == (watch.total, None, None)
    assert watch.seen > 3
    assert [path.as_posix() for path in found.written] == [
        "out/scan_mask.tif", "out/scan_overlay.png", "out/scan_uncertainty.tif"
    ]  # fmt: skip
    mask = files.read_mask(found.written[0], run.labels)
    np.testing.assert_array_equal(mask, plain.mask)
    assert 0 < plain.areas.get("box", 0) < 1  # both classes are there to compare
    assert found.areas == pytest.approx(plain.areas)
    assert found.uncertainty == pytest.approx(plain.uncertainty, abs=1e-5)
    height, width, _ = files.read_image(found.written[1]).shape  # with its legend below
    assert (height > SIZE[0], width) == (True, 240)
    doubts = files.read_stored(found.written[2])
    assert doubts.mean() == pytest.approx(255 * plain.uncertainty, abs=0.5)
    assert sorted(path.name for path in (scan.parent / "out").iterdir()) == [
        "scan_mask.tif", "scan_overlay.png", "scan_uncertainty.tif"
    ]  # fmt: skip


def test_a_job_that_was_killed_goes_on_where_it_was(run, scan):
    words = {"out": "out", "resize": "none"}
    whole = Tiles()
    (expected,) = kseg.predict(run, scan, progress=whole, **words | {"out": "whole"})
    killed = Tiles(until=whole.total - 1)
    with pytest.raises(KeyboardInterrupt):
        list(kseg.predict(run, scan, progress=killed, **words))
    rest = Tiles()
    (found,) = kseg.predict(run, scan, progress=rest, **words)
    assert rest.seen == rest.total < whole.total / 2
    masks = [files.read_stored(one.written[0]) for one in (found, expected)]
    np.testing.assert_array_equal(*masks)
    assert found.areas == expected.areas
    assert found.uncertainty == pytest.approx(expected.uncertainty, abs=1e-6)
    # With another choice it begins anew.
    killed = Tiles(until=whole.total - 1)
    with pytest.raises(KeyboardInterrupt):
        list(kseg.predict(run, scan, progress=killed, again=True, **words))
    other = Tiles()
    list(kseg.predict(run, scan, progress=other, tta="flip", **words))
    assert other.seen == whole.total
    # And what is there is not made again.
    again = Tiles()
    (kept,) = kseg.predict(run, scan, progress=again, tta="flip", **words)
    assert (kept.is_kept, again.seen) == (True, 0)


def test_several_networks_answer_for_a_large_image(run, scan):
    (found,) = kseg.predict([run, run], scan, weights=[1, 2], out="two", resize="none")
    (alone,) = kseg.predict(run, scan, out="one", resize="none")
    masks = [files.read_stored(one.written[0]) for one in (found, alone)]
    np.testing.assert_array_equal(*masks)


def test_what_a_large_image_cannot_have_is_said(run, scan):
    """Each costs a line: the images after it are predicted."""
    for words, said in (
        ({}, "its mask is written by rows. Give out="),
        ({"out": "out", "probabilities": True}, "its probabilities are not kept"),
        ({"out": "out", "write": "geojson"}, "uncertainty alone"),
        ({"out": "out", "smallest": 9}, "want all of a mask at once"),
    ):
        (found,) = kseg.predict(run, scan, resize="none", **words)
        assert isinstance(found.error, ArgumentError)
        assert said in str(found.error)
    (found,) = kseg.predict(run, scan, out="out", max_side=64)
    assert "has 113x301 pixels: so large an image is predicted in tiles" in str(found.error)
    cut = scan.with_name("cut.tif")
    cut.write_bytes(scan.read_bytes()[:-30_000])
    (found,) = kseg.predict(run, cut, out="out", resize="none")
    assert "cut.tif cannot be read" in str(found.error)
