"""kseg: semantic segmentation with Keras 3, from a folder of images to a model to trust."""

import os
from pathlib import Path

import lazy_loader

if not any(Path("/dev").glob("nvidia[0-9]*")):
    # Else TensorFlow, whose build for CUDA serves both, reports the missing GPU as an error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# TensorFlow takes oneDNN's kernels by itself on newer processors alone; on one with AVX2 they make
# a training step 1.3 to 1.6 times as fast too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
