"""The U-Net on any encoder: decoders that end before full size."""

from functools import partial

import keras
import numpy as np
import pytest

from kseg import build_encoder_unet
from kseg.encoders.resnet import resnet
from kseg.errors import KsegError

SMALL = partial(resnet, depth=18, width=4)


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_a_decoder_of_fewer_levels_ends_at_a_coarser_stride(levels):
    model = build_encoder_unet((33, 47, 3), 2, encoder=SMALL, filters=(8,) * levels)
    coarse = model.get_layer("logits").output
    assert coarse.shape[1:3] == (64 // 2 ** (5 - levels), 64 // 2 ** (5 - levels))
    assert model.output_shape == (None, 33, 47, 2)


@pytest.mark.backend
def test_what_is_left_is_doubled_bilinearly():
    """A fine pixel lies at a quarter of the way from the middle of a coarse one to the next."""
    filters = (8, 8, 8, 8)
    model = build_encoder_unet((32, 32, 3), 1, encoder=SMALL, filters=filters, activation=None)
    both = keras.Model(model.input, [model.get_layer("logits").output, model.output])
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
    coarse, fine = (keras.ops.convert_to_numpy(one)[0, :, :, 0] for one in both(images))
    rows = 0.75 * coarse[:-1] + 0.25 * coarse[1:]
    expected = 0.75 * rows[:, :-1] + 0.25 * rows[:, 1:]
    np.testing.assert_allclose(fine[1:-1:2, 1:-1:2], expected, atol=1e-5)


def test_more_levels_than_strides_are_refused():
    with pytest.raises(KsegError, match=r"filters must have at most 5 entries.*Received: \(8, 8"):
        build_encoder_unet(filters=(8,) * 6)
