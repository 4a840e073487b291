"""Train a U-Net in your own script, and look at what it predicts.

    python examples/01_unet_on_shapes.py

It learns `shapes`, a data set that kseg draws itself, in about two minutes on a laptop, and writes
`shapes_prediction.png`. With `--smoke` it does next to nothing, to see that all works.
"""

import sys

from PIL import Image

from kseg import build_unet
from kseg.data import ShapesSamples, stack
from kseg.inference import Predictor, keras_engine
from kseg.losses import CrossEntropy
from kseg.metrics import MeanIoU
from kseg.plots import overlay

smoke = "--smoke" in sys.argv
count, epochs, width = (16, 1, 4) if smoke else (800, 8, 16)

# 1. Data: images are uint8 RGB, (n, height, width, 3); masks hold one class index per pixel,
#    (n, height, width). No one-hot encoding, no scaling: the model's first layer scales the pixels.
train, val = ShapesSamples("train", count), ShapesSamples("val", 16)
images, masks = stack(train)

# 2. A U-Net of five levels. (None, None, 3) takes images of any size.
num_classes = len(train.labels)
model = build_unet((None, None, 3), num_classes, filters=[width * 2**level for level in range(5)])

# 3. Plain Keras from here on. Loss and metric take the mask and the probabilities as they are.
model.compile("adam", CrossEntropy(), metrics=[MeanIoU(num_classes)])
model.fit(images, masks, batch_size=8, epochs=epochs, validation_data=stack(val), verbose=2)
model.save("shapes_unet.keras")

# 4. Predict one image: the predictor pads it to what the network takes, and cuts the mask back.
sample = val[0]
mask = Predictor(keras_engine(model)).predict([sample.image])[0]
Image.fromarray(overlay(sample.image, mask, train.labels)).save("shapes_prediction.png")
print("Wrote shapes_unet.keras and shapes_prediction.png")
