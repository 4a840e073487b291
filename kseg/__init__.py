"""kseg: semantic segmentation with Keras 3, from a folder of images to a model to trust."""

import os
from pathlib import Path

import lazy_loader

if not any(Path("/dev").glob("nvidia[0-9]*")):
    # Else TensorFlow, whose build for CUDA serves both, reports the missing GPU as an error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
