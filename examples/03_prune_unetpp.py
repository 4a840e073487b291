"""Train a U-Net++ with deep supervision, then cut it back to the smallest network that will do.

    python examples/03_prune_unetpp.py
    kseg train --arch unetpp --data FOLDER --minutes 15 && kseg prune

A U-Net++ of four heads holds four networks: the head x0_2 answers with two levels. All learn
together, from the one mask; afterwards each can be cut out, as a plain model with the same output.
With `--smoke` the training is cut short.

`kseg prune` on a U-Net++ of width 16 that `kseg train` trained on CamVid for 15 minutes:

    level  head   mean IoU  parameters   images/s
    1      x0_1      0.296      26,219       58.7
    2      x0_2      0.368     130,347       29.1
    3      x0_3      0.459     559,851       16.5
    4      x0_4      0.491   2,292,139       10.9
"""

import sys

import keras

from kseg import build_unetpp, measure
from kseg.data import ShapesSamples, stack
from kseg.evaluation import evaluate
from kseg.inference import Predictor, keras_engine
from kseg.losses import CrossEntropy
from kseg.metrics import MeanIoU
from kseg.models import prune

smoke = "--smoke" in sys.argv
count, width, epochs = (16, 2, 1) if smoke else (800, 16, 4)

# 1. Data: integer masks, (n, H, W).
images, masks = stack(ShapesSamples("train", count))
val = ShapesSamples("val", 8 if smoke else 100)

# 2. One model, one target, one loss per head. `mean_iou` is that of the last head.
model = build_unetpp(
    (None, None, 3), len(val.labels), filters=[width * 2**level for level in range(5)]
)
model.compile(keras.optimizers.AdamW(2e-3), CrossEntropy(), metrics=[MeanIoU(len(val.labels))])
model.fit(images, masks, batch_size=8, epochs=epochs, verbose=2)

# 3. `predict` gives the last head; calling the model gives all of them.
print({name: tuple(output.shape) for name, output in model(images[:1]).items()})

# 4. Each level as a network of its own, scored on the validation split.
for level in (1, 2, 3, 4):
    small = prune(model, level)
    cost = measure(small, (96, 96))
    score = evaluate(Predictor(keras_engine(small)), val).scores.mean_iou
    print(
        f"level {level}: mean IoU {score:.3f}, {cost.parameters:,} parameters, "
        f"{cost.flops / 1e9:.2f} GFLOPs"
    )

# 5. The one to use opens in plain Keras.
prune(model, 2).save("unetpp_level2.keras")
