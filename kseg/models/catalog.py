"""The architectures by name; a builder, and Keras with it, is imported when it is used."""

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kseg import _checks
from kseg.encoders.catalog import ENCODERS, MIT, RESNET, make_encoder
from kseg.errors import KsegError
from kseg.models.architectures import ARCHITECTURES, Architecture

if TYPE_CHECKING:
    import keras


FEWEST = 8
"""No part of a narrowed network has fewer channels, unless it is published so."""


def stride(arch: str) -> int:
    """Return what the sizes given to a network of this kind must be multiples of, at least 32."""
    return max(32, architecture(arch).stride)


def check_size(arch: str, size: tuple[int, int] | None) -> None:
    """Refuse a size to train on that the network's stride does not divide.

    Raises:
        KsegError: The architecture is unknown, or a side is not a multiple of its stride.
    """
    step = architecture(arch).stride
    if size is not None and any(side % step for side in size):
        nearest = "x".join(str(max(1, round(side / step)) * step) for side in size)
        raise KsegError(
            f"size must be multiples of {step}, the stride of {arch}. "
            f"Received {size[0]}x{size[1]}; the nearest is {nearest}."
        )


def check(arch: str, **options: object) -> None:
    """Refuse options that do not fit an architecture, before data is read or Keras imported.

    Args:
        arch: A key of `ARCHITECTURES`.
        **options: `encoder`, `weights`, `frozen` and `width`, as in `build`.

    Raises:
        KsegError: They do not fit.
    """
    _encoder_options(arch, architecture(arch), **options)
    if options.get("frozen") and not options.get("weights"):
        raise KsegError(
            "frozen stages of random weights would never learn anything: frozen goes with weights, "
            "such as 'imagenet'."
        )


def architecture(arch: str) -> Architecture:
    """Return an entry.

    Raises:
        KsegError: The name is unknown; the message suggests the nearest.
    """
    return ARCHITECTURES[_checks.one_of(arch, ARCHITECTURES, "architecture")]


def build(
    arch: str,
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    width: int | None = None,
    encoder: str | None = None,
    weights: str | None = None,
    frozen: int = 0,
    heads: int | None = None,
    head_weights: str | Sequence[float] = "equal",
    load: bool = True,
) -> "keras.Model":
    """Build an architecture by name.

    Args:
        arch: A key of `ARCHITECTURES`.
        input_shape: `(height, width, channels)`; height and width may be `None`.
        num_classes: Classes, the background included.
        width: Channels of the first level; all others scale with it, down to 8 (or to `width`, if
            that is less): a decoder that ends in fewer channels than there are classes cannot tell
            them apart. Published weights have their own width, and so has an encoder that comes in
            one width: then only the decoder scales.
        encoder: A key of `encoders.ENCODERS`, for an architecture that takes any.
        weights: Of the encoder: "imagenet", or `None` for random ones.
        frozen: Leading stages of the encoder that are not trained, 0 to 5.
        heads: Number of supervised heads, the final one included; 1 for a plain model. By default
            all that the architecture has by itself.
        head_weights: Weights of the heads: "equal", "half", or one number a head.
        load: Whether to load the encoder's weights; without them the network is built alike.

    Raises:
        KsegError: A name is unknown, or an option does not fit the architecture.
    """
    entry = architecture(arch)
    options = arguments(
        arch, width=width, encoder=encoder, weights=weights, frozen=frozen, load=load
    )
    if head_weights != "equal" and heads in (None, 1) and not (entry.has_heads and heads is None):
        raise KsegError(
            f"head_weights={head_weights!r} was given, but {arch} has one head. Give the number of "
            "heads too."
        )
    if entry.has_heads:
        options |= {"heads": heads, "head_weights": head_weights}
    model = builder(arch)(input_shape, num_classes, **options)
    if entry.has_heads or heads in (None, 1):
        return model
    from kseg.models.supervision import supervise

    return supervise(model, heads, weights=head_weights)


def builder(arch: str) -> "Callable[..., keras.Model]":
    """Return the function that builds an architecture."""
    return _function(f"kseg.models.{architecture(arch).builder}")


def arguments(
    arch: str,
    *,
    width: int | None = None,
    encoder: str | None = None,
    weights: str | None = None,
    frozen: int = 0,
    load: bool = True,
) -> dict:
    """Return what `build` calls the builder with, beside shape, classes and heads.

    The arguments are those of `build`.
    """
    entry = architecture(arch)
    ratio = 1.0 if width is None else _checks.positive_int(width, "width") / entry.width
    options = {name: _function(value) for name, value in entry.options.items()}
    least = min(FEWEST, width or FEWEST)
    options |= {name: _scaled(value, ratio, least) for name, value in entry.scaled.items()}
    return options | _encoder_options(arch, entry, encoder, weights, frozen, width, load)


def _encoder_options(
    arch: str,
    entry: Architecture,
    encoder: str | None = None,
    weights: str | None = None,
    frozen: int = 0,
    width: int | None = None,
    load: bool = True,
) -> dict:
    if entry.encoder is None:
        if encoder or weights or frozen:
            takers = ", ".join(name for name, other in ARCHITECTURES.items() if other.encoder)
            raise KsegError(
                f"{arch} has an encoder of its own: encoder, weights and frozen do not apply. "
                f"Architectures that take any encoder: {takers}."
            )
        return {}
    name = _checks.one_of(encoder or entry.encoder, ENCODERS, "encoder")
    own_width = width if weights is None and _takes_width(name) else None
    encode = make_encoder(name, width=own_width, weights=weights, frozen=frozen)
    if weights and not load:
        encode = make_encoder(name, frozen=frozen)
    options = {"encoder": encode}
    if entry.dilates and ENCODERS[name][0] != RESNET:
        options["output_stride"] = 32
    return options


def _scaled(value: int | Sequence, ratio: float, least: int) -> int | tuple:
    if isinstance(value, int):
        return max(min(value, least), round(value * ratio))
    return tuple(_scaled(part, ratio, least) for part in value)


def _function(value: object) -> object:
    """Import a function named "module:function"; leave any other value."""
    if not isinstance(value, str) or ":" not in value:
        return value
    module, name = value.split(":")
    return getattr(importlib.import_module(module), name)


def _takes_width(encoder: str) -> bool:
    return ENCODERS[encoder][0] in (RESNET, MIT)
