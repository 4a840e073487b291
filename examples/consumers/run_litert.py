"""Predict the classes of an image with a network that `kseg export --format litert` wrote.

python run_litert.py MODEL IMAGE MASK.png
"""

import sys

import numpy as np
import tensorflow as tf  # or ai_edge_litert.interpreter, on a phone or a small board
from PIL import Image, ImageOps

model, image, mask = sys.argv[1:]
pixels = np.asarray(ImageOps.exif_transpose(Image.open(image)).convert("RGB"))[None]
network = tf.lite.Interpreter(model)
(given,), (told,) = network.get_input_details(), network.get_output_details()
network.resize_tensor_input(given["index"], pixels.shape)
network.allocate_tensors()
network.set_tensor(given["index"], pixels)
network.invoke()
classes = network.get_tensor(told["index"])
Image.fromarray(classes[0]).save(mask)
