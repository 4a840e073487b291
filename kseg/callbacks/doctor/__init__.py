"""The doctor at the bedside: what goes wrong in a training, said while it happens."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
