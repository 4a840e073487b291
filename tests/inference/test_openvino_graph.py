"""Networks rewritten for OpenVINO say what they said."""

import keras
import numpy as np
import pytest
from keras import layers

from kseg.inference import Serving, formats
from kseg.inference.engines.converted import there
from kseg.inference.openvino_graph import rewrite
from kseg.inference.serving import export

pytestmark = pytest.mark.skipif("openvino" not in there(), reason="openvino is not installed")
RNG = np.random.default_rng(0)


def network() -> keras.Model:
    """Transposed convolutions with and without overlap, and a softmax within and at the end."""
    image = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, strides=2, padding="same", bias_initializer="normal")(x)
    x = layers.Conv2D(4, 3, strides=2, padding="same")(x)
    weights = layers.Activation("softmax")(x)
    x = layers.Multiply()([x, weights])
    x = layers.Conv2DTranspose(6, 2, strides=2, padding="same", bias_initializer="normal")(x)
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same", activation="softmax")(x)
    return keras.Model(image, x)


def test_answers_stay_and_what_is_slow_goes(tmp_path):
    import openvino

    model = network()
    file = export(Serving(model, 4, "probabilities", pads=False), tmp_path, "openvino", "float32")
    ask = formats.run_openvino(file)
    for shape in ((1, 16, 24, 3), (2, 8, 4, 3)):
        images = RNG.uniform(0, 255, shape).astype(np.float32)
        np.testing.assert_allclose(ask(images), np.asarray(model(images)), atol=1e-5)

    assert {path.name for path in tmp_path.iterdir()} == {"model.xml", "model.bin"}
    found = openvino.Core().read_model(file).get_ordered_ops()
    by_kind = {kind: [one for one in found if one.get_type_name() == kind] for kind in KINDS}
    assert [one.get_input_size() for one in by_kind["ConvolutionBackpropData"]] == [2, 3]
    assert [one.get_attributes()["axis"] for one in by_kind["Softmax"]] == [1, 1]


KINDS = ("ConvolutionBackpropData", "Softmax")


def test_a_network_without_either_stays(tmp_path):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, layers.Conv2D(2, 1, activation="sigmoid")(image))
    file = export(Serving(model, 1, "probabilities", pads=False), tmp_path, "openvino", "float32")
    rewrite(file)  # again
    images = RNG.uniform(0, 1, (1, 5, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(
        formats.run_openvino(file)(images), np.asarray(model(images)), atol=1e-5
    )
