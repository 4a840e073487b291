"""Predict the classes of an image with a network that `kseg export --format onnx` wrote.

python run_onnx.py MODEL IMAGE MASK.png
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model, image, mask = sys.argv[1:]
pixels = np.asarray(ImageOps.exif_transpose(Image.open(image)).convert("RGB"))[None]
session = onnxruntime.InferenceSession(model)
classes = session.run(None, {session.get_inputs()[0].name: pixels})[0]
Image.fromarray(classes[0]).save(mask)
