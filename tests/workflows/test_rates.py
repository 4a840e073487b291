"""`kseg.find_learning_rate` and `kseg.draw_schedule`: pictures and numbers, and no run."""

import numpy as np
import pytest
from PIL import Image

import kseg
from kseg.errors import ArgumentError
from kseg.training import rate_test
from kseg.workflows import rates
from tests.workflows.conftest import TINY


def test_a_rate_is_found_and_nothing_else_left(workplace, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    found = kseg.find_learning_rate(data=workplace / "data", **TINY)
    assert capfd.readouterr().out == ""
    assert {path.name for path in tmp_path.iterdir()} == {"learning_rate.png", "learning_rate.csv"}
    assert 1e-4 < found.suggestion < 1
    table = np.genfromtxt("learning_rate.csv", delimiter=",", names=True)
    assert table.dtype.names == ("learning_rate", "loss", "smoothed")
    np.testing.assert_allclose(table["learning_rate"], found.rates, rtol=1e-5)
    np.testing.assert_allclose(table["loss"], found.losses, rtol=1e-5)
    average = np.convolve(found.losses, 0.1 * 0.9 ** np.arange(len(found.losses)))
    expected = average[: len(found.losses)] / (1 - 0.9 ** np.arange(1, 1 + len(found.losses)))
    np.testing.assert_allclose(table["smoothed"], expected, rtol=1e-5)
    assert Image.open("learning_rate.png").size[0] > 500


def test_the_words_of_a_recipe_count(workplace, tmp_path, monkeypatch):
    """SGD begins to learn at another rate than Adam."""
    seen = []

    def noted(plan, data, device, on_step, start):
        seen.append(plan)
        return rate_test.RateTest(np.array([1.0]), np.array([1.0]))

    monkeypatch.setattr(rate_test, "rate_test", noted)
    words = {"optimizer": "sgd", "loss": "dice", "seed": 7}
    found = kseg.find_learning_rate(
        kseg.make_recipe(data=workplace / "data", **TINY), path=tmp_path / "a.png", **words
    )
    assert found.suggestion is None
    assert (seen[0].optimizer.name, seen[0].loss.terms, seen[0].seed) == ("sgd", "dice", 7)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"path": "a.jpg"}, "path= must end in .png"),
        ({"path": "nowhere/a.png"}, "lies in no folder that is there"),
        ({"lr": 1}, "Did you mean 'learning_rate'"),
        ({"data": "nowhere"}, "data= must be a folder"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_read(workplace, words, expected):
    with pytest.raises(ArgumentError, match=expected):
        kseg.find_learning_rate(**({"data": workplace / "data"} | words))


def test_the_rates_of_a_schedule_are_those_of_a_training():
    """One that steps after epochs 1 and 3 of 4, from a peak of 2, with no rise."""
    recipe = kseg.make_recipe(
        schedule="step(at=[1,3],factors=[1,0.5,0.1])", learning_rate=2, epochs=4
    )
    found = np.array(rates._rates(recipe)).reshape(4, -1)
    np.testing.assert_allclose(found, np.array([[2.0], [1], [1], [0.2]]) * np.ones_like(found))


def test_the_rise_and_the_fall_of_a_schedule_are_drawn():
    """The rise of a fifth, then a straight line to 0; the peak is kseg's own."""
    recipe = kseg.make_recipe(schedule="polynomial(power=1)", warmup=0.2)
    found = np.array(rates._rates(recipe))
    expected = np.where(
        np.arange(500) < 100,
        3e-3 * (0.01 + 0.99 * np.arange(500) / 100),
        3e-3 * (1 - (np.arange(500) - 100) / 400),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_schedule_is_drawn_without_data(tmp_path):
    path = kseg.draw_schedule(
        tmp_path / "a.png", kseg.make_recipe(data="not here"), schedule="exponential", epochs=3
    )
    assert Image.open(path).size[0] > 500
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"schedule": "exponential"}, "exponential changes after epochs: .* by epochs="),
        ({"schedule": "cosine(power=2)"}, "power"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"path": "a.gif"}, "must end in .png"),
    ],
)
def test_a_schedule_that_cannot_be_drawn_is_refused(tmp_path, words, expected):
    with pytest.raises(ArgumentError, match=expected):
        kseg.draw_schedule(**({"path": tmp_path / "a.png"} | words))
    assert not list(tmp_path.iterdir())
