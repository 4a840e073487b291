"""The architectures by name; a builder, and Keras with it, is imported when it is used."""

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kseg import _calls, _checks
from kseg.blocks.catalog import GIVEN
from kseg.encoders import weights_file, wheels
from kseg.encoders.catalog import DILATED, ENCODERS, MIT, RESNET, check_file, make_encoder
from kseg.errors import KsegError
from kseg.models.architectures import ARCHITECTURES, Architecture
from kseg.models.settings import AUTO, IMAGENET, NONE, OWN, PARTS, Model

if TYPE_CHECKING:
    import keras


FEWEST = 8
"""No part of a narrowed network has fewer channels, unless it is published so."""

WIDTHS = ("filters", "decoder_filters")
FIXED = ("input_shape", "num_classes", "activation", "encoder", "heads", "head_weights")


def architecture(arch: str) -> Architecture:
    """Return an entry.

    Raises:
        KsegError: The name is unknown; the message suggests the nearest.
    """
    if arch == AUTO:
        raise KsegError(
            f"arch={AUTO!r} is chosen when a network is trained. Name one of: "
            f"{', '.join(ARCHITECTURES)}."
        )
    return ARCHITECTURES[_checks.one_of(arch, ARCHITECTURES, "architecture")]


def encoder(model: Model) -> str | None:
    """Return the name of the encoder that is taken; `None` where the architecture takes none."""
    own = architecture(model.arch).encoder
    return own if own is None or model.encoder == OWN else model.encoder


def weights(model: Model) -> str | None:
    """Return what the encoder starts from: "imagenet", a file, or `None` for random weights.

    Where the section leaves that open it is ImageNet's if a package has brought them.
    """
    if model.weights != AUTO:
        return None if model.weights == NONE else model.weights
    name = encoder(model)
    return IMAGENET if name and wheels.is_installed(name) else None


def has_learned(model: Model) -> bool:
    """Tell whether an encoder that is taken by its name has learned before: it needs to less."""
    return encoder(model) is not None and (weights(model) or model.warm_start) is not None


def check_weights(model: Model, channels: int = 3) -> None:
    """Refuse weights that a package should have brought and has not, or that a file does not hold.

    Args:
        model: The section of a recipe.
        channels: Channels of the images.

    Raises:
        KsegError: They are missing or damaged, or do not fit the encoder.
    """
    name, start = encoder(model), weights(model)
    if name is None or start is None:
        return
    if weights_file.is_file(start):
        from kseg.models.measures import shapes_only

        with shapes_only():
            check_file(start, name, _encoder_width(model), channels)
    elif name in wheels.WHEELS:
        wheels.path_of(name)


def stride(network: str | Model) -> int:
    """Return what the sizes given to a network must be multiples of, at least 32.

    Args:
        network: An architecture, or the section, whose `filters` may have more levels.
    """
    return max(32, step(network))


def step(network: str | Model) -> int:
    """Return the stride of a network, which divides the sizes that it takes.

    Args:
        network: An architecture, or the section, whose `filters` may have more levels.
    """
    arch = network if isinstance(network, str) else network.arch
    entry = architecture(arch)
    whole, own = entry.stride, entry.scaled["filters"]
    given = OWN if isinstance(network, str) else network.filters
    if not isinstance(own, Sequence) or not isinstance(given, tuple):
        return whole
    if whole == 1 or entry.encoder is not None:
        return whole
    return round(whole * 2.0 ** (len(given) - len(own)))


def check_size(network: str | Model, size: tuple[int, int] | None) -> None:
    """Refuse a size to train on that the network's stride does not divide.

    Raises:
        KsegError: The architecture is unknown, or a side is not a multiple of its stride.
    """
    own = step(network)
    if size is not None and any(side % own for side in size):
        arch = network if isinstance(network, str) else network.arch
        nearest = "x".join(str(max(1, round(side / own)) * own) for side in size)
        raise KsegError(
            f"size must be multiples of {own}, the stride of {arch}. "
            f"Received {size[0]}x{size[1]}; the nearest is {nearest}."
        )


def check(model: Model) -> None:
    """Refuse choices that do not fit each other, before data is read or Keras imported.

    Raises:
        KsegError: Encoder, weights, frozen, width or filters do not fit.
    """
    _encoder_options(model)
    if model.frozen and not has_learned(model):
        raise KsegError(
            "frozen stages of random weights would never learn anything: frozen goes with weights, "
            "such as 'imagenet', or with warm_start."
        )
    if model.frozen_epochs and not model.frozen:
        raise KsegError(
            f"frozen_epochs={model.frozen_epochs} ends what frozen= begins, and no stage is "
            "frozen. Give frozen= too, such as frozen=3, or leave frozen_epochs= out."
        )
    if _width(model) is not None and model.filters != OWN:
        raise KsegError(
            f"width={model.width} and filters={model.filters} do not go together: width scales the "
            "architecture's own channels. Leave one of the two out."
        )


def build(
    model: Model,
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    load: bool = True,
) -> "keras.Model":
    """Build a network.

    A `width` scales all channels, down to 8 (or to `width`, if that is less): a decoder that ends
    in fewer channels than there are classes cannot tell them apart. Published weights have their
    own width, and so has an encoder that comes in one width: then only the decoder scales. The
    network is the whole one, whatever its `level`: `pruning.prune` cuts it once it is trained.

    Args:
        model: The section of a recipe.
        input_shape: `(height, width, channels)`; height and width may be `None`.
        num_classes: Classes of the data, the background included; two of them make one output
            where the section says sigmoid, and so does 1 always.
        load: Whether to load the encoder's weights; without them the network is built alike.

    Raises:
        KsegError: A choice does not fit the architecture.

    Example:
        >>> section = kseg.make_recipe(arch="unet", filters=(8, 16), block="residual").model
        >>> kseg.models.build(section, (64, 64, 3), 4).output_shape
        (None, 64, 64, 4)
    """
    entry = architecture(model.arch)
    heads = model.heads if isinstance(model.heads, int) else None
    is_supervised = entry.has_heads if heads is None else heads > 1
    if model.head_weights != "equal" and not is_supervised:
        raise KsegError(
            f"head_weights={model.head_weights!r} was given, but {model.arch} has one head. Give "
            "the number of heads too."
        )
    options = arguments(model, load=load)
    if entry.has_heads:
        options |= {"heads": heads, "head_weights": model.head_weights}
    network = builder(model.arch)(input_shape, outputs(model, num_classes), **options)
    if entry.has_heads or not is_supervised:
        return network
    from kseg.models.supervision import supervise

    return supervise(network, heads, weights=model.head_weights)


def builder(arch: str) -> "Callable[..., keras.Model]":
    """Return the function that builds an architecture."""
    module, name = architecture(arch).builder.split(":")
    return getattr(importlib.import_module(f"kseg.models.{module}"), name)


def arguments(model: Model, *, load: bool = True) -> dict[str, Any]:
    """Return what `build` calls the builder with, beside shape, classes and heads.

    Raises:
        KsegError: A choice does not fit the architecture; the message names what it takes.
    """
    check(model)
    taken = inspect.signature(builder(model.arch)).parameters
    chosen = {name: getattr(model, name) for name in (*PARTS, *WIDTHS)}
    chosen = {name: value for name, value in chosen.items() if value != OWN}
    for name in chosen:
        if name not in taken:
            others = ", ".join(f"{name}=" for name in (*PARTS, *WIDTHS) if name in taken)
            raise KsegError(f"{model.arch} takes no {name}=. Of its parts it takes {others}.")
    free = [name for name in taken if name not in (*FIXED, *PARTS, *WIDTHS)]
    for name in model.options:
        _checks.one_of(name, free, f"argument of {model.arch}")
    parts = {name: value for name, value in chosen.items() if name in PARTS}
    parts = {**architecture(model.arch).parts, **parts}
    return {
        **_scaled_channels(model),
        **_encoder_options(model, load),
        **{name: _part(name, text) for name, text in parts.items()},
        **{name: chosen[name] for name in WIDTHS if name in chosen},
        **model.options,
    }


def _part(what: str, text: str) -> Callable | None:
    """Make a block, a skip and so on of its text."""
    if text == NONE:
        return None
    table, needs = PARTS[what]
    return _calls.function(_calls.read(text, table, what), table, what, needs=needs, given=GIVEN)


def _width(model: Model) -> int | None:
    """Return the width that is asked for; `None` for the architecture's own."""
    return None if model.width in (None, OWN) else int(model.width)


def _scaled_channels(model: Model) -> dict[str, int | tuple]:
    """Return the architecture's own channels, scaled to the width."""
    entry = architecture(model.arch)
    width = _width(model)
    ratio = 1.0 if width is None else width / entry.width
    least = min(FEWEST, width or FEWEST)
    return {name: _scaled(value, ratio, least) for name, value in entry.scaled.items()}


def _scaled(value: int | Sequence, ratio: float, least: int) -> int | tuple:
    if isinstance(value, int):
        return max(min(value, least), round(value * ratio))
    return tuple(_scaled(part, ratio, least) for part in value)


def _encoder_options(model: Model, load: bool = True) -> dict[str, Any]:
    entry = architecture(model.arch)
    name, start = encoder(model), weights(model)
    if name is None:
        if model.encoder != OWN or start or model.frozen:
            takers = ", ".join(name for name, other in ARCHITECTURES.items() if other.encoder)
            raise KsegError(
                f"{model.arch} has an encoder of its own: encoder, weights and frozen do not "
                f"apply. Architectures that take any encoder: {takers}."
            )
        return {}
    encode = make_encoder(name, width=_encoder_width(model), weights=start, frozen=model.frozen)
    if start and not load:
        encode = make_encoder(name, width=_encoder_width(model), frozen=model.frozen)
    options: dict[str, Any] = {"encoder": encode}
    if entry.dilates and ENCODERS[name][0] not in DILATED:
        options["output_stride"] = 32
    return options


def _encoder_width(model: Model) -> int | None:
    """Return the width that an encoder is built in; `None` for the published one."""
    name = encoder(model)
    has_widths = name is not None and ENCODERS[name][0] in (RESNET, MIT)
    return _width(model) if has_widths and weights(model) != IMAGENET else None


def outputs(model: Model, num_classes: int) -> int:
    """Return the channels of the output for the classes of the data."""
    if model.output != "sigmoid":
        return num_classes
    if num_classes > 2:
        raise KsegError(
            "output='sigmoid' is one value per pixel, which tells two classes apart. Received: "
            f"{num_classes} classes; softmax is for any number."
        )
    return 1
