"""A state that is not that of the training which is to go on."""

import keras
import numpy as np
import pytest

from kseg.callbacks import EarlyStopping, ResumePoint
from kseg.errors import KsegError

pytestmark = pytest.mark.backend


def begun(path, **parts):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.optimizer.build(model.trainable_variables)
    return model, ResumePoint(path, parts)


def test_a_state_without_a_part_is_refused_by_its_name(tmp_path):
    """An earlier version, or a loop of one's own that had fewer callbacks, did not note it."""
    path = tmp_path / "resume.npz"
    model, point = begun(path, first=EarlyStopping(2))
    model.fit(np.ones((4, 1)), np.ones(4), verbose=0, callbacks=[point])
    point.save()

    again, point = begun(path, first=EarlyStopping(2), second=EarlyStopping(3))
    weights = again.get_weights()
    with pytest.raises(KsegError, match=r"its state holds no second"):
        point.restore(again)
    for before, after in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)

    again, point = begun(path, first=EarlyStopping(2))
    point.restore(again)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
