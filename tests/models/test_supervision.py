"""Deep supervision: one target, one loss per head, one final head that is saved and predicted."""

import keras
import numpy as np
import pytest

from kseg import build_convnet, build_unet, build_unetpp, supervise
from kseg.losses import CrossEntropy
from kseg.metrics import MeanIoU
from kseg.models import catalog
from kseg.models.settings import Model
from kseg.models.supervision import normalized

NARROW = (2, 4, 8)
ANY = (None, None, 3)


def data(count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 3, (count, 16, 16)).astype(np.uint8)
    masks[:, :3] = 255
    return rng.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8), masks


def compiled(model: keras.Model) -> keras.Model:
    model.compile(keras.optimizers.SGD(0.01), CrossEntropy(), metrics=[MeanIoU(3)])
    return model


def reference_loss(probabilities, masks, weights) -> float:
    """Mean of -log p over valid pixels, each image weighted, in float64."""
    valid = masks != 255
    chosen = np.where(valid, masks, 0)[..., None].astype(int)
    p = np.take_along_axis(np.asarray(probabilities, np.float64), chosen, axis=-1)[..., 0]
    return (-np.log(p) * valid * weights[:, None, None]).sum() / valid.sum()


@pytest.mark.backend
def test_one_mask_trains_all_heads_and_logs_read_like_the_figure():
    keras.utils.set_random_seed(0)
    model = compiled(build_unetpp(ANY, 3, filters=NARROW))
    images, masks = data()
    history = model.fit(
        images,
        masks,
        sample_weight=np.ones(len(images)),
        validation_data=(images, masks),
        epochs=1,
        batch_size=3,
        verbose=0,
    ).history
    names = {"loss", "x0_1", "x0_2", "mean_iou"}
    assert set(history) == names | {f"val_{name}" for name in names}
    for prefix in ("", "val_"):
        heads = [history[f"{prefix}x0_{head}"][0] for head in (1, 2)]
        assert history[f"{prefix}loss"][0] == pytest.approx(np.mean(heads), rel=1e-5)


@pytest.mark.parametrize(
    ("given", "parts"), [("equal", (1 / 2, 1 / 2)), ("half", (1 / 3, 2 / 3)), ((1, 4), (0.2, 0.8))]
)
def test_the_loss_is_the_weighted_mean_of_the_heads_losses(given, parts):
    keras.utils.set_random_seed(0)
    model = compiled(build_unetpp(ANY, 3, filters=NARROW, head_weights=given))
    images, masks = data()
    weights = np.array([1.0, 0.5, 0, 2, 1, 1])
    logs = model.evaluate(images, masks, sample_weight=weights, verbose=0, return_dict=True)
    outputs = {name: keras.ops.convert_to_numpy(x) for name, x in model(images).items()}
    expected = {name: reference_loss(x, masks, weights) for name, x in outputs.items()}
    for name, value in expected.items():
        assert logs[name] == pytest.approx(value, rel=1e-4)
    total = parts[0] * expected["x0_1"] + parts[1] * expected["x0_2"]
    assert logs["loss"] == pytest.approx(total, rel=1e-4)


def test_the_metric_sees_the_final_head_alone():
    keras.utils.set_random_seed(1)
    model = compiled(build_unetpp(ANY, 3, filters=NARROW))
    images, masks = data()
    logs = model.evaluate(images, masks, verbose=0, return_dict=True)
    metric = MeanIoU(3)
    metric.update_state(masks, model(images)["x0_2"])
    assert logs["mean_iou"] == pytest.approx(float(metric.result()), abs=1e-6)


@pytest.mark.backend
def test_predict_gives_the_final_head_and_a_call_gives_all():
    model = build_unetpp(ANY, 3, filters=NARROW)
    images, _ = data()
    everything = model(images)
    assert set(everything) == {"x0_1", "x0_2"}
    final = keras.ops.convert_to_numpy(everything["x0_2"])
    np.testing.assert_allclose(model.predict(images, verbose=0), final, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(images), final, atol=1e-6)


@pytest.mark.backend
def test_void_pixels_of_every_head_change_nothing():
    model = compiled(build_unetpp(ANY, 3, filters=NARROW))
    images, masks = data()
    void = np.full_like(masks, 255)
    before = model.get_weights()
    logs = model.train_on_batch(images, void, return_dict=True)
    assert logs["loss"] == 0
    trained = [weight.path for weight in model.trainable_weights]
    for weight, old in zip(model.weights, before, strict=True):
        if weight.path in trained:
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), old)


def test_what_is_saved_has_one_output(tmp_path):
    model = compiled(build_unetpp(ANY, 3, filters=NARROW))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images, _ = data(2)
    assert loaded.output.shape == (None, None, None, 3)
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6
    )


def test_weights_of_all_heads_can_be_kept(tmp_path):
    first, second = (build_unetpp(ANY, 3, filters=NARROW) for _ in range(2))
    first.save_weights(tmp_path / "all.weights.h5")
    second.load_weights(tmp_path / "all.weights.h5")
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [ANY, (33, 47, 3)])
def test_side_heads_on_any_decoder(shape):
    keras.utils.set_random_seed(0)
    plain = build_unet(shape, 3, filters=(2, 4, 8, 8))
    model = supervise(plain)
    assert model.head_names == ("decoder_3", "decoder_2", "final")
    size = (32, 48) if shape == ANY else (33, 47)
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3))
    for output in model(images).values():
        assert tuple(output.shape) == (2, *size, 3)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(output).sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), plain.predict(images, verbose=0)
    )


@pytest.mark.parametrize("arch", ["encoder_unetpp", "u2net", "unet3plus", "unetpp"])
def test_side_heads_on_a_network_built_with_one(arch):
    model = supervise(catalog.build(Model(arch=arch, width=4, heads=1), (64, 64, 3), 3), 3)
    assert len(model.head_names) == 3
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3))
    for output in model(images).values():
        assert tuple(output.shape) == (1, 64, 64, 3)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(output).sum(axis=-1), 1, atol=1e-5)


def test_side_heads_are_chosen_by_name_or_number():
    plain = build_unet(ANY, 1, filters=(2, 4, 8, 8))
    assert supervise(plain, ["decoder_2"]).head_names == ("decoder_2", "final")
    assert supervise(plain, 2).head_names == ("decoder_2", "final")
    assert build_unetpp(ANY, 3, filters=(2, 4, 8, 8), heads=2).head_names == ("x0_2", "x0_3")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: supervise(build_unet(ANY, 2, filters=NARROW), ["decoder_9"]), "decoder_9"),
        (lambda: supervise(build_unet(ANY, 2, filters=NARROW), 5), "from 2 to 2"),
        (lambda: supervise(build_unetpp(ANY, 2, filters=NARROW)), "heads=1"),
        (lambda: supervise(build_convnet(ANY, 2, filters=(2,) * 7)), "nowhere"),
        (lambda: build_unetpp(ANY, 2, filters=NARROW).head("x0_7"), "Unknown head"),
        (lambda: normalized("equals", 3), "Did you mean 'equal'"),
        (lambda: normalized((1, 1), 3), "as many entries"),
        (lambda: normalized((0, 0, 0), 3), "not all 0"),
    ],
)
def test_wrong_heads_are_explained(call, expected):
    with pytest.raises(ValueError, match=expected):
        call()
