"""The plain stack: its dilation rates, and the kernel of its convolution to the classes."""

from functools import partial

import keras
import pytest

from kseg import blocks, build_convnet

ANY = (None, None, 3)


def rates(model: keras.Model) -> list[int]:
    found = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    return [layer.dilation_rate[0] for layer in found if layer.name != "logits"]


def test_seven_layers_have_the_papers_rates_and_any_other_number_has_none():
    assert rates(build_convnet(ANY, 2, filters=(2,) * 7)) == [1, 1, 2, 4, 8, 16, 1]
    assert rates(build_convnet(ANY, 2, filters=(2, 3, 4))) == [1, 1, 1]
    assert rates(build_convnet(ANY, 2, filters=(2, 3), dilations=(4, 1))) == [4, 1]


def test_the_classes_can_come_from_a_wider_kernel():
    model = build_convnet(ANY, 2, filters=(4,), kernel_size=3)
    assert model.get_layer("logits").kernel.shape == (3, 3, 4, 2)


def test_rates_have_one_place():
    block = partial(blocks.convolution, dilation=2)
    with pytest.raises(ValueError, match="dilations= gives one per convolution"):
        build_convnet(ANY, 2, block=block)
