"""kseg's callbacks and schedules on a model, data and a loop that kseg did not make.

    python examples/07_callbacks_in_your_own_fit.py

A small network of plain Keras learns to find discs. The rate rises and falls by a schedule, the
best epoch is kept, the doctor looks on, and the training can be broken off (Ctrl-C) and started
again: it goes on where it stood. With `--smoke` the training is cut short.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from kseg import callbacks, schedules

smoke = "--smoke" in sys.argv
count, epochs, batch_size = (16, 2, 8) if smoke else (400, 12, 8)


class Discs(keras.utils.PyDataset):
    """Noisy images of a bright disc, and where it is: a function of the step, as resuming needs."""

    def __len__(self) -> int:
        return count // batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(index)
        rows, columns = np.mgrid[:64, :64]
        middle, radius = rng.uniform(16, 48, (batch_size, 2, 1, 1)), rng.uniform(6, 14)
        mask = (rows - middle[:, 0]) ** 2 + (columns - middle[:, 1]) ** 2 < radius**2
        image = 0.5 * mask[..., None] + rng.normal(0.3, 0.3, (batch_size, 64, 64, 1))
        return image.astype("float32"), mask[..., None].astype("float32")


# 1. Any model, any loss.
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((64, 64, 1)),
        keras.layers.Conv2D(8, 5, padding="same", activation="relu"),
        keras.layers.Conv2D(8, 5, padding="same", activation="relu"),
        keras.layers.Conv2D(1, 1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.BinaryIoU([1], name="iou")])

# 2. The rate, set at each step; what keeps the best epoch; the doctor, and what it does about NaN.
steps = epochs * len(Discs())
rate = callbacks.LearningRate(schedules.cosine(3e-3, steps), steps, callbacks.BySteps(steps))
findings = callbacks.Findings("findings.json", tell=print)
best = callbacks.Checkpoint("best.keras", "last.keras", monitor="val_iou")
stop = callbacks.EarlyStopping(patience=5, monitor="val_iou")
doctor = callbacks.Diagnosis(findings, ("ground", "disc"), Discs(), monitor="val_iou")
recovery = callbacks.Recovery(rate, findings)

# 3. What it needs to go on after it was broken off; it comes last.
parts = {"rate": rate, "best": best, "stop": stop, "doctor": doctor, "recovery": recovery}
point = callbacks.ResumePoint("resume.npz", parts)
validation = Discs()[count], Discs()[count + 1]
validation_data = tuple(np.concatenate(both) for both in zip(*validation, strict=True))
start = 0
if Path("resume.npz").exists():
    model.optimizer.build(model.trainable_variables)
    model.test_on_batch(*validation_data)
    start = point.restore(model).epoch
    print(f"going on after epoch {start}")

model.fit(
    Discs(),
    initial_epoch=start,
    epochs=epochs,
    validation_data=validation_data,
    shuffle=False,
    verbose=2,
    callbacks=[rate, recovery, doctor, best, stop, point],
)
print(f"best epoch {best.best_epoch}, IoU of the discs {best.record.merit:.3f}")
