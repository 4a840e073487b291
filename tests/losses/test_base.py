"""What every loss promises: void, logits, one channel or many, weights, serialisation, sums."""

import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest

from kseg import losses
from kseg.losses import LOSSES, CompoundLoss, CrossEntropy, Dice, make_loss
from kseg.losses.catalog import PIXELWISE
from tests.losses.helpers import gradient, random_case, softmax, value

every_loss = pytest.mark.parametrize("name", LOSSES)
CLASSES = {name: getattr(losses, path.split(":")[1]) for name, path in LOSSES.items()}


@every_loss
def test_one_channel_is_background_and_foreground(name):
    mask, p, logits = random_case(1)
    both = np.concatenate([1 - p, p], axis=-1)
    assert value(make_loss(name)(mask, p)) == pytest.approx(
        value(make_loss(name)(mask, both)), rel=1e-5
    )
    from_logits = CLASSES[name](from_logits=True)
    assert value(from_logits(mask, logits)) == pytest.approx(
        value(from_logits(mask, np.concatenate([np.zeros_like(logits), logits], axis=-1))), rel=1e-5
    )


@every_loss
@pytest.mark.parametrize("classes", [1, 2, 4])
def test_logits_give_what_their_probabilities_give(name, classes):
    mask, p, logits = random_case(classes)
    assert value(CLASSES[name](from_logits=True)(mask, logits)) == pytest.approx(
        value(CLASSES[name]()(mask, p)), rel=2e-4
    )


@pytest.mark.backend
@every_loss
@pytest.mark.parametrize("from_logits", [False, True])
def test_what_lies_under_void_changes_neither_value_nor_gradient(name, from_logits):
    mask, p, logits = random_case(3)
    loss = CLASSES[name](from_logits=from_logits)
    prediction = (logits if from_logits else p).astype(np.float32)
    other = np.where(mask[..., None] == 255, np.float32(-1e30), prediction)
    other[0][mask[0] == 255] = np.nan
    assert value(loss(mask, prediction)) == value(loss(mask, other))
    for given in (prediction, other):
        slopes = gradient(lambda x: loss(mask, x), given)
        assert np.isfinite(slopes).all()
        assert (slopes[mask == 255] == 0).all()
        assert np.abs(slopes[mask != 255]).sum() > 0


@every_loss
@pytest.mark.parametrize("classes", [1, 3])
def test_a_batch_of_void_gives_zero_and_no_gradient(name, classes):
    _, p, _ = random_case(classes)
    void = np.full(p.shape[:-1], 255)
    for options in ({}, {"classes": "all", "over": "image"}):
        if options and "over" not in inspect.signature(CLASSES[name]).parameters:
            continue
        loss = CLASSES[name](**options)
        assert value(loss(void, p)) == 0
        assert (gradient(lambda x, loss=loss: loss(void, x), p.astype(np.float32)) == 0).all()


@every_loss
def test_an_image_of_void_changes_nothing(name):
    mask, p, _ = random_case(3)
    more = np.concatenate([mask, np.full((1, *mask.shape[1:]), 255)])
    padded = np.concatenate([p, p[:1]])
    assert value(make_loss(name)(more, padded)) == pytest.approx(
        value(make_loss(name)(mask, p)), rel=1e-5
    )


@every_loss
@pytest.mark.parametrize("classes", [1, 3])
def test_probabilities_of_zero_and_one_stay_finite(name, classes):
    rng = np.random.default_rng(0)
    mask = rng.integers(0, max(2, classes), (2, 6, 5))
    other = (mask + 1) % max(2, classes)
    right, wrong = (
        (x[..., None] if classes == 1 else np.eye(classes)[x]).astype(np.float32)
        for x in (mask, other)
    )
    loss = make_loss(name)
    for prediction in (right, wrong):
        assert np.isfinite(value(loss(mask, prediction)))
        assert np.isfinite(gradient(lambda x: loss(mask, x), prediction)).all()
    assert value(loss(mask, right)) == pytest.approx(0, abs=5e-3)
    largest = {"ce": 16, "focal": 16, "topk": 16, "lovasz_hinge": 17, "boundary": 0.05}
    assert value(loss(mask, wrong)) > largest.get(name, 0.99)


@every_loss
def test_half_precision_is_summed_in_float32(name):
    mask, p, _ = random_case(3, shape=(1, 128, 128))
    p = np.round(p * 64) / 64
    half = keras.ops.cast(p, "bfloat16")
    assert value(make_loss(name)(mask, half)) == pytest.approx(
        value(make_loss(name)(mask, p)), rel=1e-4
    )


@every_loss
def test_millions_of_pixels_are_summed_as_in_float64(name):
    """A class of a thousandth of the pixels, each with a probability of its own."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("float64 is taken on TensorFlow")
    rng = np.random.default_rng(0)
    mask = rng.choice([0, 1, 255], (4, 1024, 1024), p=[0.899, 0.001, 0.1]).astype(np.uint8)
    p = rng.uniform(0.0, 0.2, (*mask.shape, 1)).astype(np.float32)
    loss = make_loss(name)
    expected = value(loss(mask, p.astype(np.float64)))
    assert value(loss(mask, p)) == pytest.approx(expected, rel=1e-4)
    if name in ("ce", "dice", "mcc"):
        import tensorflow as tf

        compiled = tf.function(lambda: loss(mask, p), jit_compile=True)
        assert value(compiled()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.backend
@pytest.mark.parametrize("name", ["ce", "focal", "topk", "lovasz_hinge"])
def test_a_pixel_that_is_wrong_for_sure_still_has_a_slope(name):
    """A softmax of logits 0 and 40: the slope through it is that of the logits, -1 and 1."""
    mask, logits = np.zeros((1, 1, 1), int), np.array([[[[0.0, 40.0]]]], np.float32)

    def through_softmax(x):
        return make_loss(name)(mask, keras.ops.softmax(x, axis=-1))

    slopes = gradient(through_softmax, logits).ravel()
    np.testing.assert_allclose(slopes, [-1, 1], rtol=1e-3)


DISTRIBUTED = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from kseg.losses import CrossEntropy, Dice
images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
masks = np.tile(np.random.default_rng(1).integers(0, 3, (2, 8, 8)), (2, 1, 1))
images[2:] = images[:2]
results = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, keras.layers.Conv2D(3, 1, activation="softmax")(inputs))
        model.compile(keras.optimizers.SGD(0.1), CrossEntropy() + Dice(), jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices((images, masks)).batch(4)
    logs = model.fit(data, verbose=0).history
    results.append((logs["loss"][0], model.get_weights()[0]))
np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4, atol=1e-6)
"""


def test_two_devices_give_the_loss_and_the_step_of_one():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.distribute is TensorFlow's")
    command = [sys.executable, "-c", DISTRIBUTED]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]


@every_loss
def test_sample_weights(name):
    mask, p, _ = random_case(3, shape=(3, 6, 5))
    loss = make_loss(name)
    plain = value(loss(mask, p))
    under_void = np.where(mask == 255, np.nan, 1.0)
    for ones in (np.ones(3), np.ones((3, 1)), np.ones(mask.shape), under_void):
        assert value(loss(mask, p, ones)) == pytest.approx(plain, rel=1e-5)
    assert value(loss(mask, p, np.zeros(3))) == pytest.approx(0, abs=1e-6)
    without = np.array([1.0, 0.0, 1.0])
    slopes = gradient(lambda x: loss(mask, x, without), p.astype(np.float32))
    assert (slopes[1] == 0).all()
    assert np.abs(slopes[0]).sum() > 0


@every_loss
def test_a_last_axis_of_one_is_taken(name):
    mask, p, _ = random_case(3)
    assert value(make_loss(name)(mask[..., None], p)) == value(make_loss(name)(mask, p))


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"boundary"}))
@pytest.mark.parametrize("shape", [(2, 20), (2, 5, 2, 2)])
def test_lines_and_volumes_are_taken_like_images(name, shape):
    mask, p, _ = random_case(3)
    for options in ({},) if name in PIXELWISE else ({}, {"over": "image"}):
        loss = CLASSES[name](**options)
        assert value(loss(mask.reshape(shape), p.reshape(*shape, 3))) == pytest.approx(
            value(loss(mask, p)), rel=1e-6
        )


@every_loss
def test_class_weights_of_zero_leave_a_class_out(name):
    mask, p, logits = random_case(3)
    loss = CLASSES[name](class_weights=[1, 0, 2])
    assert np.isfinite(value(loss(mask, p)))
    if name in PIXELWISE:
        without = np.where(mask == 1, 255, mask)
        assert value(loss(mask, p)) == pytest.approx(value(loss(without, p)), rel=1e-5)
    else:
        chosen = CLASSES[name](class_weights=[1, 1, 2], classes=(0, 2))
        present = {0, 1, 2} <= set(np.unique(mask[mask != 255]))
        assert present
        assert value(loss(mask, p)) == pytest.approx(value(chosen(mask, p)), rel=1e-5)


@pytest.mark.backend
@every_loss
def test_trains_compiled_as_it_does_not_and_survives_saving(name, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(4, 8, 8, 2)).astype(np.float32)
    masks = rng.choice([0, 1, 2, 255], (4, 8, 8))
    results = []
    for compiled in (False, True):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((None, None, 2))
        model = keras.Model(
            inputs, keras.layers.Conv2D(3, 3, activation="softmax", padding="same")(inputs)
        )
        loss = CLASSES[name](class_weights=[1, 2, 3])
        if keras.backend.backend() == "torch":
            compiled = False
        model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=compiled)
        results.append([float(model.train_on_batch(images, masks)) for _ in range(3)])
    np.testing.assert_allclose(*results, rtol=1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").loss
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


@pytest.mark.backend
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.Dice(from_logits=True), 0.7554218),
        (losses.Jaccard(from_logits=True), 0.8606625),
        (losses.Tversky(0.3, 0.7, from_logits=True), 0.7551873),
        (losses.LovaszSoftmax(from_logits=True), 0.7718669),
        (losses.LovaszSoftmax("image", from_logits=True), 0.7720791),
    ],
)
def test_what_segmentation_models_pytorch_gives(loss, expected):
    """Its losses of version 0.6.0, mode "multiclass", on the same numbers."""
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 4, (2, 9, 7))
    logits = rng.normal(size=(2, 9, 7, 4)).astype(np.float32)
    assert value(loss(mask, logits)) == pytest.approx(expected, abs=2e-6)


def test_sums_and_multiples():
    mask, p, _ = random_case(3)
    ce, dice = CrossEntropy(), Dice(over="image", smooth=1)
    parts = value(ce(mask, p)), value(dice(mask, p))
    loss = ce + 0.5 * dice
    assert value(loss(mask, p)) == pytest.approx(parts[0] + 0.5 * parts[1], rel=1e-6)
    assert value((2 * loss)(mask, p)) == pytest.approx(2 * parts[0] + parts[1], rel=1e-6)
    assert value((dice + loss)(mask, p)) == pytest.approx(parts[0] + 1.5 * parts[1], rel=1e-6)
    weights = np.array([0.5, 1.0])
    assert value(loss(mask, p, weights)) == pytest.approx(
        value(ce(mask, p, weights)) + 0.5 * value(dice(mask, p, weights)), rel=1e-6
    )
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert value(again(mask, p)) == value(loss(mask, p))
    assert [type(part) for part in again.losses] == [CrossEntropy, Dice]


def test_a_sum_trains_a_model_and_is_saved_with_it(tmp_path):
    mask, _, _ = random_case(3)
    images = np.random.default_rng(0).normal(size=(*mask.shape, 2))
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1, activation="softmax")(inputs))
    model.compile("sgd", CrossEntropy() + Dice())
    model.fit(images, mask, sample_weight=np.ones(len(images)), verbose=0)
    model.save(tmp_path / "model.keras")
    assert isinstance(keras.models.load_model(tmp_path / "model.keras").loss, CompoundLoss)


def test_python_adds_losses_up():
    mask, p, _ = random_case(3)
    expected = value(CrossEntropy()(mask, p)) + value(Dice()(mask, p))
    assert value(sum([CrossEntropy(), Dice()])(mask, p)) == pytest.approx(expected)


def test_a_sum_with_anything_else_is_no_sum():
    for wrong in (lambda: CrossEntropy() + 1, lambda: CrossEntropy() * "2", lambda: True * Dice()):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="at least 0"):
        -1 * Dice()
    with pytest.raises(ValueError, match="as many entries as losses"):
        CompoundLoss([Dice()], [1, 2])


@every_loss
@pytest.mark.parametrize(
    "weights", [[1, -1, 1], [0, 0, 0], [float("nan"), 1, 1], [float("inf"), 1, 1], 2, "median"]
)
def test_wrong_weights_are_refused(name, weights):
    with pytest.raises(ValueError, match="at least 0"):
        CLASSES[name](class_weights=weights)


@every_loss
def test_what_does_not_fit_the_classes_is_refused(name):
    mask, p, _ = random_case(3)
    with pytest.raises(ValueError, match="as many entries as classes: 3"):
        CLASSES[name](class_weights=[1, 2])(mask, p)
    with pytest.raises(ValueError, match="outside the classes 0 to 2"):
        CLASSES[name](ignore_class=2)(mask, p)
    with pytest.raises(ValueError, match="whole number"):
        CLASSES[name](ignore_class=1.5)
    with pytest.raises(ValueError, match="argmax"):
        CLASSES[name]()(p, p)
    for other in (mask[:1], mask[:, :3]):
        with pytest.raises(ValueError, match="Received masks"):
            CLASSES[name]()(other, p)


@every_loss
@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 4, 1, 1), (2, 5, 1)])
def test_sample_weights_of_no_meaning_are_refused(name, shape):
    mask, p, _ = random_case(3)
    with pytest.raises(ValueError, match="one number per image"):
        make_loss(name)(mask, p, np.ones(shape))


@pytest.mark.parametrize("name", sorted(set(LOSSES) - set(PIXELWISE)))
@pytest.mark.parametrize("classes", ["some", (), (-1,), (1.5,), 3, (True,)])
def test_wrong_classes_are_refused(name, classes):
    with pytest.raises(ValueError, match="'present', 'all', or indices"):
        CLASSES[name](classes=classes)
    mask, p, _ = random_case(3)
    with pytest.raises(ValueError, match="from 0 to 2"):
        CLASSES[name](classes=(1, 3))(mask, p)


@pytest.mark.parametrize("name", ["ce", "dice", "lovasz", "mcc"])
@pytest.mark.parametrize("ignore", [254, -1, None])
def test_another_void_index_or_none(name, ignore):
    mask, p, _ = random_case(3)
    expected = value(make_loss(name)(mask, p))
    if ignore is None:
        mask, p = mask[mask != 255][None, None], p[mask != 255][None, None]
        expected = value(make_loss(name)(mask, p))
    mask = np.where(mask == 255, ignore or 0, mask.astype(int))
    assert value(make_loss(name, ignore)(mask, p)) == pytest.approx(expected, rel=1e-5)


@every_loss
def test_slopes_equal_finite_differences_in_float64(name):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("float64 is taken on TensorFlow")
    mask, _, logits = random_case(3, shape=(1, 4, 3))
    loss = CLASSES[name](from_logits=True)

    def of(x):
        return loss(mask, x)

    slopes, step = gradient(of, logits), 1e-6
    for index in np.ndindex(logits.shape):
        above, below = logits.copy(), logits.copy()
        above[index] += step
        below[index] -= step
        numeric = (value(of(above)) - value(of(below))) / (2 * step)
        assert slopes[index] == pytest.approx(numeric, abs=5e-4), index


def test_a_perfect_softmax_of_logits_costs_nothing():
    mask = np.arange(300).reshape(1, 15, 20) % 3
    logits = 100 * np.eye(3)[mask]
    for loss in CLASSES.values():
        assert value(loss(from_logits=True)(mask, logits)) == pytest.approx(0, abs=5e-3)
    np.testing.assert_allclose(softmax(logits), np.eye(3)[mask], atol=1e-6)
