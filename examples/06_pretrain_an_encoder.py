"""Train an encoder alone, on the classes of crops, and then under the decoder of a U-Net.

    python examples/06_pretrain_an_encoder.py [FOLDER]

The class of a crop is that of most of its pixels: a classifier learns the look of the classes
before any border has to be found. FOLDER is a data set as `kseg train --data` takes it; without one
it is `shapes`, which kseg draws itself. Any other task will do for the first step, such as photos
sorted into folders by `keras.utils.image_dataset_from_directory`: all that `weights=` asks of the
file is that layers of the encoder's names and shapes are in it. With `--smoke` all is cut short.
"""

import sys

import keras
import numpy as np

import kseg
from kseg.data import Cached, Sample, Source
from kseg.encoders import make_encoder

smoke = "--smoke" in sys.argv
data = next((word for word in sys.argv[1:] if not word.startswith("--")), "shapes")
count, epochs, width, side = (64, 1, 4, 32) if smoke else (8000, 10, 32, 64)


# 1. Crops: around a pixel of a class of the image, so that rare classes are seen too.
def crop(rng: np.random.Generator, sample: Sample, ignore: int | None) -> tuple | None:
    """Cut a square out of an image; its class is that of most pixels that are not void."""
    there = np.setdiff1d(sample.mask, [] if ignore is None else [ignore])
    if min(sample.mask.shape) < side or not there.size:
        return None
    rows, columns = np.nonzero(sample.mask == rng.choice(there))
    pixel = rng.integers(len(rows))
    top, left = (
        np.clip(center - side // 2, 0, length - side)
        for center, length in zip((rows[pixel], columns[pixel]), sample.mask.shape, strict=True)
    )
    window = slice(top, top + side), slice(left, left + side)
    pixels = np.bincount(sample.mask[window].ravel(), minlength=256)
    if ignore is not None:
        pixels[ignore] = 0
    return sample.image[window], pixels.argmax()


splits = Source(data, size=(128, 128)).open()
labels, train, rng = splits.labels, Cached(splits.train), np.random.default_rng(0)
chosen = rng.integers(0, min(len(train), count), count)
found = [crop(rng, train[int(index)], labels.ignore) for index in chosen]
images, classes = map(np.array, zip(*filter(None, found), strict=True))
print(f"{len(images)} crops, {np.bincount(classes, minlength=len(labels))} per class")

# 2. The encoder alone: its last features, their mean, a class. In plain Keras from here on.
image = keras.Input((None, None, 3))
*_, features = make_encoder("resnet18", width=width)(image)
answer = keras.layers.GlobalAveragePooling2D()(features)
answer = keras.layers.Dense(len(labels), activation="softmax", name="class")(answer)
classifier = keras.Model(image, answer)
classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
classifier.fit(images, classes, batch_size=32, epochs=epochs, validation_split=0.1, verbose=2)
classifier.save("encoder.keras")

# 3. The same encoder under a decoder. It has learned before, and so moves at a part of the rate.
short = {"epochs": 1, "size": 32, "batch_size": 64} if smoke else {}
run = kseg.train(
    data=data,
    arch="encoder_unet",
    encoder="resnet18",
    width=width,
    weights="encoder.keras",
    progress=not smoke,
    **short,
)
print(f"mean IoU {run.scores.mean_iou:.3f}, {run.path}")
