"""A step of Muon against its formula by singular values, and of AdamW against Keras's own."""

import keras
import numpy as np
import pytest

from kseg.errors import KsegError
from kseg.optimizers import Muon
from kseg.optimizers.muon import orthogonal

pytestmark = pytest.mark.backend

RNG = np.random.default_rng(0)


def by_singular_values(matrix, steps=5):
    """The same polynomial, of the singular values instead of the matrix."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ np.diag(s) @ v


def moved(optimizer, start, gradients, name="kernel"):
    """A weight after steps along gradients."""
    weight = keras.Variable(start, name=name)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [weight])
    return keras.ops.convert_to_numpy(weight)


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (6, 6)])
def test_singular_values_come_near_to_1(shape):
    matrix = RNG.normal(size=shape).astype("float32")
    found = keras.ops.convert_to_numpy(orthogonal(keras.ops.convert_to_tensor(matrix), 5))
    np.testing.assert_allclose(found, by_singular_values(matrix), atol=2e-4)
    values = np.linalg.svd(found, compute_uv=False)
    assert (values.min() > 0.6, values.max() < 1.25) == (True, True)


def test_directions_that_a_gradient_hardly_has_are_not_blown_up():
    """Singular values from 1 down to 1e-8, as of a real gradient, in 32 bits."""
    u, _ = np.linalg.qr(RNG.normal(size=(64, 64)))
    v, _ = np.linalg.qr(RNG.normal(size=(576, 64)))
    values = np.geomspace(1, 1e-8, 64)
    matrix = (u @ np.diag(values) @ v.T).astype("float32")
    found = keras.ops.convert_to_numpy(orthogonal(keras.ops.convert_to_tensor(matrix), 5))
    inside = np.diag(u.T @ found @ v)
    expected = values / np.sqrt((values**2).sum())
    for _ in range(5):
        expected = 3.4445 * expected - 4.7750 * expected**3 + 2.0315 * expected**5
    np.testing.assert_allclose(inside, expected, atol=0.02)
    np.testing.assert_allclose(u.T @ found @ v - np.diag(inside), 0, atol=0.02)


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (2, 2, 8, 4), (20, 7)])
def test_the_steps_of_a_kernel(shape):
    """Nesterov's momentum of 0.9, as a matrix from windows to outputs, with a decay."""
    start, first, second = RNG.normal(size=(3, *shape))
    found = moved(Muon(0.1, weight_decay=0.5, momentum=0.9), start, (first, second))
    rows, columns = np.prod(shape[:-1]), shape[-1]
    length = 0.2 * np.sqrt(max(rows, columns))
    expected, mean = start, 0
    for gradient in (first, second):
        mean = 0.9 * mean + 0.1 * gradient
        ahead = (0.9 * mean + 0.1 * gradient).reshape(rows, columns)
        expected = expected * (1 - 0.1 * 0.5)
        expected = expected - 0.1 * length * by_singular_values(ahead).reshape(shape)
    np.testing.assert_allclose(found, expected, atol=5e-4)


@pytest.mark.parametrize(
    ("shape", "name"), [((7,), "bias"), ((3, 3, 6, 1), "depthwise"), ((1, 1, 4, 3), "logits")]
)
def test_all_else_is_moved_as_by_adamw(shape, name):
    start, *gradients = RNG.normal(size=(5, *shape))
    found = moved(Muon(0.1, weight_decay=0.5), start, gradients, name)
    adamw = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    np.testing.assert_allclose(found, moved(adamw, start, gradients, name), atol=1e-5)


def test_a_gradient_of_nothing_moves_nothing():
    start = RNG.normal(size=(3, 3, 2, 4))
    np.testing.assert_allclose(moved(Muon(0.1), start, [0 * start] * 2), start, rtol=1e-6)


def test_it_is_saved_with_its_model(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()]
    )
    model.compile(Muon(0.01, momentum=0.8, steps=4, exclude_layers=["first", "last"]), "mse")
    model.fit(np.ones((2, 8, 8, 3)), np.ones((2, 144)), verbose=0)
    model.save(tmp_path / "model.keras")
    found = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert found.get_config() == model.optimizer.get_config()
    for one, two in zip(found.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, two)))


@pytest.mark.parametrize("options", [{"steps": 0}, {"momentum": 1.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(KsegError, match="steps of 1 or more and a momentum of 0 to 1"):
        Muon(**options)
