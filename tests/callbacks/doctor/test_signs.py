"""By what a sick training is recognised: epochs made up by hand, sick and healthy."""

from dataclasses import replace

import pytest

from kseg.callbacks.doctor.signs import SIGNS, Epoch

NAMES = ("sky", "road", "pole")
HEALTHY = [
    Epoch(
        number=number,
        done=number / 10,
        loss=loss,
        first_loss=2.0,
        moved=0.1 * number,
        val_loss=1.1 * loss,
        score=1 - loss / 2,
        truth=(600, 390, 10),
        predicted=predicted,
        waited=0.03,
        memory=900.0,
    )
    for number, loss, predicted in [
        (1, 1.6, (1000, 0, 0)),
        (2, 1.2, (700, 300, 0)),
        (3, 0.9, (650, 350, 0)),
        (4, 0.8, (600, 395, 5)),
        (5, 0.7, (600, 390, 10)),
        (6, 0.6, (600, 390, 10)),
        (7, 0.5, (600, 390, 10)),
    ]
]


def seen(epochs):
    """Return the signs that are seen after any of the epochs."""
    return {
        sign
        for sign, look in SIGNS.items()
        for count in range(1, len(epochs) + 1)
        if look(epochs[:count], NAMES)
    }


def changed(**columns):
    """Return the healthy epochs with other values, a list per column or one for all."""
    return [
        replace(
            epoch,
            **{
                name: values[index] if isinstance(values, list) else values
                for name, values in columns.items()
            },
        )
        for index, epoch in enumerate(HEALTHY)
    ]


SICK = {
    "collapsed": [
        changed(predicted=(1000, 0, 0)),
    ],
    "never predicted": [changed(predicted=(700, 300, 0))],
    "rate too high": [changed(loss=[1.6, 3.1, 2.0, 2.0, 2.0, 2.0, 2.0])],
    "rate too low": [changed(loss=1.99, val_loss=1.99, moved=1e-5, score=0.1)],
    "running statistics": [
        changed(in_training=[None] * 4 + [0.5] * 3, in_inference=[None] * 4 + [1.5] * 3)
    ],
    "overfitting": [
        changed(
            val_loss=[1.7, 1.3, 1.0, 1.1, 1.2, 1.4, 1.6],
            score=[0.2, 0.4, 0.5, 0.5, 0.47, 0.45, 0.4],
        )
    ],
    "starved": [changed(waited=0.3)],
    "growing memory": [changed(memory=[900.0, 950.0, 1000.0, 1100.0, 1200.0, 1300.0, 1400.0])],
}


def test_every_sign_is_provoked():
    assert SICK.keys() == SIGNS.keys()


@pytest.mark.parametrize("sign", SICK)
def test_it_is_seen_and_no_other(sign):
    for epochs in SICK[sign]:
        assert seen(epochs) == {sign}


@pytest.mark.parametrize(
    "columns",
    [
        {},
        # Not validated, and nothing told.
        dict.fromkeys(("val_loss", "score", "truth", "predicted", "waited", "memory")),
        # A class that the masks lack is not missed.
        {"truth": (600, 400, 0), "predicted": (600, 400, 0)},
        # All is of one class, and predicted so.
        {"truth": (1000, 0, 0), "predicted": (1000, 0, 0)},
        # A small rate that learns, and a loss that stands still after it has fallen.
        {"moved": 1e-4},
        {"loss": [1.6, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]},
        # Reading the files in the first epoch.
        {"waited": [0.6, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]},
        # Memory that was full after the first epochs.
        {"memory": [500.0, 700.0, 900.0, 900.0, 900.0, 900.0, 900.0]},
        # Validation gets worse by its loss alone.
        {"val_loss": [1.7, 1.3, 1.0, 1.1, 1.2, 1.4, 1.6]},
        {"in_training": 0.5, "in_inference": 0.6},
    ],
)
def test_a_healthy_training_shows_none(columns):
    assert seen(changed(**columns)) == set()


def test_a_training_that_ends_is_judged_by_the_one_look_there_was():
    first, second = HEALTHY[:2]
    assert seen([replace(first, done=0.9)]) == set()
    assert seen([replace(first, done=1.0)]) == {"collapsed"}
    assert seen([replace(second, done=1.0)]) == {"never predicted"}


@pytest.mark.parametrize(("pixels", "signs"), [(3, {"never predicted"}), (4, set())])
def test_hardly_a_pixel_is_none(pixels, signs):
    """Of the 400 that the masks hold."""
    counts = {"truth": (6000, 3900, 400), "predicted": (6400, 3900 - pixels, pixels)}
    assert seen(changed(**counts)) == signs


def test_cause_and_mend_are_in_words():
    cause, mend = SIGNS["never predicted"](changed(predicted=(700, 300, 0)), NAMES)
    assert "pole" in cause and "sky" not in cause
    assert "class_weights=" in mend
    cause, mend = SIGNS["collapsed"](changed(predicted=(1000, 0, 0)), NAMES)
    assert "sky, which has 60% of the masks" in cause
    assert "learning_rate=" in mend
    nearly_all = changed(truth=(980, 10, 10), predicted=(1000, 0, 0))
    assert "class_weights=enet" in SIGNS["collapsed"](nearly_all, NAMES)[1]
    sick = SICK["overfitting"][0]
    assert "since epoch 3 " in SIGNS["overfitting"](sick, NAMES)[0]


def test_statistics_that_lag_once_are_no_illness():
    """As at the peak of the rate, after twenty steps on 22 photos: 0.075 and 0.26, then no more."""
    once = changed(in_training=[None, 0.6, None, 0.075, None, 0.07, None])
    epochs = [
        replace(epoch, in_inference=value)
        for epoch, value in zip(once, [None, 0.7, None, 0.26, None, 0.08, None], strict=True)
    ]
    assert "running statistics" not in seen(epochs)


def test_losses_of_next_to_nothing_do_not_tell_of_lagging_statistics():
    """On 22 photos of pets, learned by heart: the network is right, by either statistics."""
    epochs = changed(in_training=[None] * 4 + [0.017] * 3, in_inference=[None] * 4 + [0.044] * 3)
    assert "running statistics" not in seen(epochs)
