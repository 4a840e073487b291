"""Predict the classes of an image with a network that `kseg export --format saved_model` wrote.

python run_saved_model.py MODEL IMAGE MASK.png
"""

import sys

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

model, image, mask = sys.argv[1:]
pixels = np.asarray(ImageOps.exif_transpose(Image.open(image)).convert("RGB"))[None]
network = tf.saved_model.load(model)
classes = network.serve(pixels).numpy()
Image.fromarray(classes[0]).save(mask)
