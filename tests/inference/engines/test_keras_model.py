"""The Keras engine answers as the model does, and leaves the model as it was."""

from functools import partial

import keras
import numpy as np
import pytest

import kseg
from kseg import build_unet, build_unetpp
from kseg.errors import KsegError
from kseg.inference import dropout_engine, keras_engine, load_model
from kseg.losses import CrossEntropy

pytestmark = pytest.mark.backend

ANY = (None, None, 3)
NARROW = (2, 4, 8)


def images(count=2, size=(16, 24)):
    return np.random.default_rng(count).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def answer(model, batch):
    return keras.ops.convert_to_numpy(model(batch, training=False))


@pytest.mark.parametrize("num_classes", [1, 3])
def test_answers_as_the_model_does_at_any_size(num_classes):
    model = build_unet(ANY, num_classes, filters=NARROW)
    engine = keras_engine(model)
    for batch in (images(), images(3), images(1, (32, 8)), images().astype(np.float32)):
        found = engine(batch)
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, answer(model, batch), atol=1e-5)


def test_of_a_deeply_supervised_model_the_final_head_answers():
    model = build_unetpp(ANY, 3, filters=NARROW)
    expected = answer(model.head(model.head_names[-1]), images())
    np.testing.assert_allclose(keras_engine(model)(images()), expected, atol=1e-5)


@pytest.mark.parametrize("build", [build_unet, build_unetpp])
@pytest.mark.parametrize("jit_compile", [True, False])
def test_the_model_stays_as_it_was_and_can_be_trained_on(build, jit_compile):
    model = build(ANY, 3, filters=NARROW)
    model.layers[2].trainable = False
    model.compile(keras.optimizers.SGD(0.1), CrossEntropy(), jit_compile=jit_compile)
    kept = model.get_weights()
    trained = [weight.path for weight in model.trainable_weights]
    state = (model.optimizer, model.jit_compile, model.predict_function, model.compiled)
    engine = keras_engine(model)
    before = engine(images())
    for weight, value in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(weight, value)
    assert [weight.path for weight in model.trainable_weights] == trained
    after = (model.optimizer, model.jit_compile, model.predict_function, model.compiled)
    assert after == state

    masks = np.zeros((2, 16, 24), np.uint8)
    losses = [model.train_on_batch(images(), masks, return_dict=True)["loss"] for _ in range(3)]
    assert losses[-1] < losses[0]
    now = engine(images())
    assert np.abs(now - before).max() > 1e-3
    np.testing.assert_allclose(now, keras_engine(model)(images()), atol=1e-5)


def test_a_look_after_each_epoch_does_not_change_the_training():
    answers, weights = [], []
    for look in (True, False):
        keras.utils.set_random_seed(0)
        model = build_unet(ANY, 3, filters=NARROW)
        model.compile(keras.optimizers.Adam(0.01), CrossEntropy())
        engine = keras_engine(model)
        callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, engine=engine: answers.append(engine(images()))
        )
        masks = np.zeros((4, 16, 24), np.uint8)
        model.fit(images(4), masks, batch_size=2, epochs=3, verbose=0, callbacks=[callback] * look)
        weights.append(model.get_weights())
    assert len(answers) == 3
    assert np.abs(answers[0] - answers[1]).max() > 1e-4
    np.testing.assert_allclose(answers[2], answer(model, images()), atol=1e-5)
    for seen, unseen in zip(*weights, strict=True):
        np.testing.assert_array_equal(seen, unseen)


def test_dropout_is_off():
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(keras.layers.Rescaling(1.0)(inputs)))
    np.testing.assert_array_equal(keras_engine(model)(np.ones((1, 4, 4, 1), np.uint8)), 1)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch runs without tracing")
def test_a_size_is_traced_once():
    traced = []

    class Counted(keras.layers.Layer):
        def call(self, x):
            traced.append(x.shape)
            return x

    inputs = keras.Input((None, None, 1))
    engine = keras_engine(keras.Model(inputs, Counted()(inputs)))
    traced.clear()
    for _ in range(5):
        engine(np.zeros((1, 4, 4, 1), np.uint8))
    assert len(traced) == 1


def test_a_damaged_or_missing_model_file_is_explained(tmp_path):
    with pytest.raises(KsegError, match="is missing"):
        load_model(tmp_path / "model.keras")
    model = build_unet(ANY, 2, filters=NARROW)
    model.save(tmp_path / "whole.keras")
    loaded = load_model(str(tmp_path / "whole.keras"))
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # It holds Keras's own layers, some of which compute in another order on JAX.
    found, expected = (keras_engine(each)(images()) for each in (loaded, model))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    content = (tmp_path / "whole.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
    with pytest.raises(KsegError, match="is not a whole Keras model"):
        load_model(tmp_path / "half.keras")


class Doubling(keras.layers.Layer):
    def call(self, x):
        return 2 * x


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (keras.layers.Lambda(lambda x: 2 * x, output_shape=(None, None, 3)), "a Python function"),
        (Doubling(), "the class .Doubling. of .*, which is not Keras.s"),
    ],
)
def test_a_model_that_holds_code_is_refused_for_that(tmp_path, layer, expected):
    image = keras.Input((None, None, 3))
    keras.Model(image, layer(image)).save(tmp_path / "model.keras")
    with pytest.raises(KsegError, match=expected) as error:
        load_model(tmp_path / "model.keras")
    assert "damaged" not in str(error.value)


def test_dropout_answers_differ_around_the_answer_and_statistics_stay():
    keras.utils.set_random_seed(0)
    block = partial(kseg.blocks.double_convolution, dropout=0.3)
    model = build_unet(ANY, 3, filters=NARROW, block=block)
    before = model.get_weights()
    engine, batch = dropout_engine(model, seed=3), images()
    answers = [engine(batch) for _ in range(30)]
    assert np.std(answers, axis=0).mean() > 1e-3
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    far = np.abs(np.mean(answers, axis=0) - keras_engine(model)(batch)).mean()
    assert far < np.abs(answers[0] - keras_engine(model)(batch)).mean()
    again = dropout_engine(model, seed=3)
    np.testing.assert_allclose(again(batch), answers[0], atol=1e-6)
    with pytest.raises(KsegError, match="This one has none"):
        dropout_engine(build_unet(ANY, 3, filters=NARROW))
