"""Pruning: published counts, the same output bit for bit, a smaller plain model."""

import keras
import numpy as np
import pytest

from kseg import build_unet, build_unetpp, measure, supervise
from kseg.models import prune
from kseg.models.measures import shapes_only
from kseg.models.pruning import cut, levels

ANY = (None, None, 3)
NARROW = (2, 4, 8, 8)


def random_images(size=(16, 24)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)


@pytest.mark.backend
@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_output_is_that_head_bit_for_bit(level):
    keras.utils.set_random_seed(0)
    full = build_unetpp(ANY, 3, filters=NARROW)
    small = prune(full, level)
    images = random_images()
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(small(images)),
        keras.ops.convert_to_numpy(full(images)[f"x0_{level}"]),
    )


@pytest.mark.parametrize(
    ("level", "count"), [(1, 408_776), (2, 2_069_448), (3, 8_929_992), (4, 36_622_792)]
)
def test_levels_have_the_published_parameters(level, count):
    with shapes_only():
        model = build_unetpp(ANY, 8)
        assert measure(model.head(f"x0_{level}")).parameters == count


def test_unreached_layers_are_gone_and_weights_are_its_own():
    full = build_unetpp(ANY, 3, filters=NARROW)
    small = prune(full, 1)
    assert type(small).__name__ == "Functional"
    assert {layer.name.split("_")[0] for layer in small.layers} == {"image", "pixels", "x0", "x1"}
    before = small.get_weights()
    for weight in full.weights:
        weight.assign(weight + 1)
    for old, now in zip(before, small.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_side_heads_of_any_network_are_levels_too():
    full = supervise(build_unet(ANY, 3, filters=NARROW))
    assert levels(full) == {2: "decoder_2", 3: "decoder_3"}
    images = random_images()
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(prune(full, 3)(images)),
        keras.ops.convert_to_numpy(full(images)["decoder_3"]),
    )
    assert len(prune(full, 3).weights) < len(cut(full, "final").weights)


def test_a_file_with_all_heads_can_be_pruned(tmp_path):
    full = build_unetpp(ANY, 3, filters=NARROW)
    full.all_heads.save(tmp_path / "heads.keras")
    loaded = keras.models.load_model(tmp_path / "heads.keras")
    images = random_images()
    np.testing.assert_array_equal(prune(loaded, 2)(images), prune(full, 2)(images))


@pytest.mark.parametrize("level", [0, 4, 7, -1, "x0_1"])
def test_an_unknown_level_is_refused(level):
    with pytest.raises(ValueError, match=r"1 \(x0_1\), 2 \(x0_2\), 3 \(x0_3\)\. Received"):
        prune(build_unetpp(ANY, 3, filters=NARROW), level)


def test_a_network_of_one_head_is_refused():
    with pytest.raises(ValueError, match="one head"):
        prune(build_unet(ANY, 3, filters=NARROW), 1)
