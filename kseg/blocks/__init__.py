"""Tensor to tensor: the building blocks that architectures share.

A block of convolutions is called as `block(x, filters, name=...)`, a down-sampling as
`down(x, name=...)`, an up-sampling as `up(x, filters, name=...)` and a skip connection as
`skip(x, features, name=...)`. Options are set with `functools.partial`:

    build_unet((256, 256, 3), 5, block=partial(double_convolution, activation="gelu", dropout=0.1))
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
