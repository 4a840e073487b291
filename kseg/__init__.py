"""kseg: semantic segmentation with Keras 3, from a folder of images to a model to trust."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
