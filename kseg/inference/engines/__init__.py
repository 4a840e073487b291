"""Engines: what runs a network; functions from images to probabilities, NumPy in and out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
