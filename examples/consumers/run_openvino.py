"""Predict the classes of an image with a network that `kseg export --format openvino` wrote.

python run_openvino.py MODEL IMAGE MASK.png
"""

import sys

import numpy as np
import openvino
from PIL import Image, ImageOps

model, image, mask = sys.argv[1:]
pixels = np.asarray(ImageOps.exif_transpose(Image.open(image)).convert("RGB"))[None]
exact = {"INFERENCE_PRECISION_HINT": "f32"}  # some processors take bfloat16 otherwise
classes = openvino.Core().compile_model(model, "CPU", exact)(pixels)[0]
Image.fromarray(classes[0]).save(mask)
