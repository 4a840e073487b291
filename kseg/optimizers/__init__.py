"""Optimizers by name, two rates in one training, and the recipe's section on both."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
