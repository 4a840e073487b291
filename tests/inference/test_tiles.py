"""Tiles: weights that sum to one, and the answers of the whole image."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kseg
from kseg.errors import KsegError, Notice
from kseg.inference import Predictor, Tiling, keras_engine, tiling_of
from kseg.inference.tiles import in_blocks

RNG = np.random.default_rng(0)


@settings(deadline=None, max_examples=60)
@given(
    stride=st.sampled_from([1, 2, 8]),
    overlap=st.integers(1, 6),
    extra=st.integers(1, 6),
    length=st.integers(1, 60),
    margin=st.integers(0, 20),
)
def test_weights_sum_to_one_and_spare_the_margins(stride, overlap, extra, length, margin):
    overlap, side, length = overlap * stride, (overlap + extra) * stride, length * stride
    margin = min(margin, (overlap - 1) // 2)
    tiling = Tiling(side, overlap, margin, stride)
    starts, weights = tiling.starts(length), tiling.weights(length)
    total = np.zeros(length)
    for start, weight in zip(starts, weights, strict=True):
        assert start % stride == 0
        assert (weight >= 0).all()
        total[start : start + len(weight)] += weight
        if start > 0:
            assert not weight[:margin].any()
        if start + len(weight) < length:
            assert not weight[len(weight) - margin :].any()
    np.testing.assert_allclose(total, 1, atol=1e-6)
    ends = [start + len(weight) for start, weight in zip(starts, weights, strict=True)]
    assert ends[-1] == length
    assert all(end - start >= overlap for end, start in zip(ends, starts[1:], strict=False))


@pytest.mark.parametrize(
    "words", [(60, 32, 0, 16), (64, 32, 16, 16), (32, 32, 4, 16), (64, 20, 4, 16)]
)
def test_tiles_that_do_not_fit_are_refused(words):
    with pytest.raises(
        KsegError, match=r"multiples of the network's stride|must be below their side"
    ):
        Tiling(*words)


def trained_statistics(model):
    """Give a network statistics and weights as of a training, or its answers are all alike."""
    for layer in model.layers:
        values = [RNG.normal(0, 0.3, value.shape) for value in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            values = [np.abs(value) + 0.5 for value in values]
        layer.set_weights(values)
    return model


@pytest.mark.parametrize(
    ("build", "stride"),
    [
        (lambda: kseg.build_unet((None, None, 3), 3, filters=(4, 6, 8)), 4),
        (lambda: kseg.build_unetpp((None, None, 3), 3, filters=(4, 6, 8), heads=1), 4),
        (lambda: kseg.build_convnet((None, None, 3), 3, filters=(4, 4)), 1),
    ],
)
@pytest.mark.parametrize("size", [(250, 99), (64, 310)])
def test_tiles_give_what_the_whole_image_gives(build, stride, size):
    model = trained_statistics(build())
    engine = keras_engine(model)
    tiling = tiling_of(model, stride, memory=1)
    assert tiling.side < max(size)
    image = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    whole = next(Predictor(engine, stride=stride).probabilities([image])).values
    predictor = Predictor(engine, stride=stride, tiling=tiling)
    tiled = next(predictor.probabilities([image])).values
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    assert np.ptp(whole, axis=(0, 1)).max() > 0.1  # the image does matter
    mask, confidence, _ = next(predictor.decided([image]))
    np.testing.assert_array_equal(mask, tiled.argmax(axis=-1))
    np.testing.assert_allclose(confidence, tiled.max(axis=-1))


def test_without_a_margin_the_seams_show():
    """So that the test above could fail."""
    model = trained_statistics(kseg.build_unet((None, None, 3), 3, filters=(4, 6, 8)))
    engine, image = keras_engine(model), RNG.integers(0, 256, (64, 128, 3), dtype=np.uint8)
    whole = engine(image[None])[0]
    tiled = joined(in_blocks(engine, image, Tiling(32, 0, 0, 4)), whole.shape)
    assert np.abs(tiled - whole).max() > 1e-3


def joined(blocks, shape):
    """Put blocks together; each pixel must be told once."""
    found = np.full(shape, np.nan)
    for top, left, values in blocks:
        place = found[top : top + len(values), left : left + values.shape[1]]
        assert np.isnan(place).all()
        place[:] = values
    assert not np.isnan(found).any()
    return found


def test_blocks_are_told_when_they_are_whole():
    seen = []

    def engine(images):
        seen.append(images.shape[1:3])
        return np.ones((*images.shape[:3], 2), np.float32)

    image = np.zeros((100, 60, 3), np.uint8)
    blocks = in_blocks(engine, image, Tiling(40, 20, 4, 20))
    first = next(blocks)
    assert (first.top, first.left, first.values.shape, len(seen)) == (0, 0, (20, 20, 2), 1)
    rest = list(blocks)
    tops = sorted({block.top for block in rest})
    assert (tops, len(seen)) == ([0, 20, 40, 60], 8)
    assert rest[-1].values.shape == (40, 40, 2)
    assert set(seen) == {(40, 40)}
    np.testing.assert_allclose(joined([first, *rest], (100, 60, 2)), 1, atol=1e-6)


def test_tiles_are_no_longer_than_it_takes():
    """So many pixels in so few tiles: the last does not do again what the one before did."""
    tiling = Tiling(100, 20, 4, 4)
    assert tiling.length(104) == 64  # 2 x 62 - 20 = 104, and 62 is no multiple of 4
    assert tiling.starts(104) == [0, 40]
    assert (tiling.length(100), tiling.starts(100)) == (100, [0])
    assert (tiling.length(12), tiling.starts(12)) == (12, [0])


class Rows:
    """A picture that counts the rows that are read."""

    def __init__(self, image):
        self._image = image
        self.shape = image.shape
        self.read = []

    def __getitem__(self, rows):
        self.read.append(rows)
        return self._image[rows]


def test_an_image_is_decided_by_rows_from_where_it_was_left():
    model = trained_statistics(kseg.build_unet((None, None, 3), 3, filters=(4, 6)))
    tiling = tiling_of(model, 2, memory=1)
    predictor = Predictor(keras_engine(model), stride=2, tiling=tiling)
    image = RNG.integers(0, 256, (331, 203, 3), dtype=np.uint8)
    mask, confidence, _ = next(predictor.decided([image]))
    tiles = []
    parts = list(predictor.decided_rows(image, lambda: tiles.append(1)))
    assert len(parts) > 4
    assert len(tiles) == predictor.tiles(image.shape)
    np.testing.assert_array_equal(np.concatenate([part.mask for part in parts]), mask)
    np.testing.assert_array_equal(np.concatenate([part.confidence for part in parts]), confidence)
    start = sum(len(part.mask) for part in parts[:3])
    picture, tiles[:] = Rows(image), []
    rest = list(predictor.decided_rows(picture, lambda: tiles.append(1), start))
    np.testing.assert_array_equal(np.concatenate([part.mask for part in rest]), mask[start:])
    np.testing.assert_allclose(
        np.concatenate([part.confidence for part in rest]), confidence[start:], atol=1e-6
    )
    assert len(tiles) == predictor.tiles(image.shape, start)
    assert picture.read[0].start == len(parts[0][0])  # the rows of tiles that reach below
    assert len(tiles) < predictor.tiles(image.shape)
    assert max(rows.stop - rows.start for rows in picture.read) <= tiling.side
    for odd in (1, start + 7, len(mask) - 1):  # where no row of tiles begins
        rest = [part.mask for part in predictor.decided_rows(image, start=odd)]
        np.testing.assert_array_equal(np.concatenate(rest), mask[odd:])
    with pytest.raises(KsegError, match="Give the Predictor tiling="):
        next(Predictor(keras_engine(model), stride=2).decided_rows(image))


def test_where_memory_ends_tiles_become_smaller_and_that_is_said():
    model = trained_statistics(kseg.build_unet((None, None, 3), 3, filters=(4, 6)))
    engine, tiling = keras_engine(model), tiling_of(model, 2, memory=1)
    images = [RNG.integers(0, 256, (4 * tiling.side, 90, 3), dtype=np.uint8) for _ in range(2)]
    sizes = []

    def small(shown):
        sizes.append(len(shown) * shown.shape[1])
        if sizes[-1] > tiling.side:
            raise MemoryError
        return engine(shown)

    expected = Predictor(engine, stride=2).predict(images)
    large = Tiling(8 * tiling.side, tiling.overlap, tiling.margin, 2)
    for words in ({}, {"max_side": 2 * tiling.side}):
        predictor = Predictor(small, stride=2, tiling=large, **words)
        with pytest.warns(Notice, match=r"Memory ended at \d+x\d+ pixels: going on in tiles of"):
            found = predictor.predict(images)
        plain = Predictor(engine, stride=2, **words).predict(images)
        np.testing.assert_array_equal(found, plain)
    assert not np.array_equal(expected[0], expected[1])
    with pytest.raises(MemoryError):
        Predictor(small, stride=2).predict(images)
    too_large = Tiling(2 * tiling.side, 2 * tiling.side - 2, 4, 2)  # no smaller one overlaps so far
    with pytest.raises(MemoryError):
        Predictor(small, stride=2, tiling=too_large).predict(images)


def test_tiles_are_as_large_as_the_memory_allows():
    model = kseg.build_unet((None, None, 3), 2, filters=(8, 16))
    # The largest outputs are the 16 joined channels at full size: 64 bytes per pixel, held 4 times.
    assert tiling_of(model, 2, memory=256 * 400**2).side == 400
    assert tiling_of(model, 2, memory=1).side == 2 * tiling_of(model, 2).overlap


def test_a_single_output_and_resizing_go_with_tiles():
    model = trained_statistics(kseg.build_unet((None, None, 3), 1, filters=(4, 6)))
    engine, image = keras_engine(model), RNG.integers(0, 256, (90, 200, 3), dtype=np.uint8)
    tiling = tiling_of(model, 2, memory=1)
    for words in ({}, {"max_side": 150}):
        plain, tiled = (
            Predictor(engine, stride=2, tiling=cut, **words).predict([image])[0]
            for cut in (None, tiling)
        )
        assert plain.shape == (90, 200)
        np.testing.assert_array_equal(plain, tiled)
