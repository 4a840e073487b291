"""Train a U-Net on a folder of your own from kseg's parts, and score it.

    python examples/02_own_folder.py FOLDER

FOLDER holds images/ and masks/, or train/ and val/, each with images/ and masks/; an image and its
mask bear one name.
A mask is a PNG of one class index per pixel (0, 1, 2, ...; 255 is void), and classes.json, if it is
there, names the classes: {"classes": ["background", "road", "car"]}. With `--smoke` the training is
cut short. `kseg.train(data=FOLDER)` does all of this, and more, in one call.
"""

import sys
from pathlib import Path

import keras

from kseg import build_unet
from kseg.data import Cached, Source, TrainingBatches, augmentation
from kseg.evaluation import evaluate
from kseg.inference import Predictor, keras_engine
from kseg.losses import CrossEntropy
from kseg.metrics import MeanIoU

folder, smoke = Path(sys.argv[1]), "--smoke" in sys.argv
size, width, epochs = ((32, 32), 4, 1) if smoke else ((256, 256), 16, 30)

# 1. What the indices mean, and the images. `Cached` keeps what was read once in memory.
splits = Source(str(folder)).open()
labels, train, val = splits.labels, Cached(splits.train), splits.val
print(*splits.notes, sep="\n")

# 2. Batches of one size from images of any size: flipped, scaled and cropped at random.
#    Threads prepare the next ones while the network learns.
augment = augmentation("light", size, labels.ignore)
batches = TrainingBatches(train, batch_size=8, augment=augment)

# 3. Network, loss and metric know the void index: such pixels take no part.
model = build_unet((None, None, 3), len(labels), filters=[width * 2**level for level in range(5)])
model.compile(
    keras.optimizers.AdamW(2e-3),
    CrossEntropy(ignore_class=labels.ignore),
    metrics=[MeanIoU(len(labels), ignore_class=labels.ignore)],
)
model.fit(batches, epochs=epochs, verbose=2)
model.save("own_unet.keras")

# 4. An honest score: one confusion matrix over the whole split, every image at its own size.
scores = evaluate(Predictor(keras_engine(model)), val).scores
for name, iou in zip(labels.names, scores.iou, strict=True):
    print(f"{name:20} IoU {iou:.3f}")
print(f"mean IoU {scores.mean_iou:.3f}")
