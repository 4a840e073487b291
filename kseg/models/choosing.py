"""Which network, where a recipe leaves that open: architecture and weights."""

from kseg.encoders import wheels
from kseg.encoders.pretrained import SOURCES
from kseg.models import catalog
from kseg.models.settings import AUTO, IMAGENET, NONE, OWN, Model

BEST = Model(arch="encoder_unet", encoder="efficientnet_lite0", weights=IMAGENET)
"""The network that has learned most in the same time, where its weights are at hand."""
PLAIN = "unet"
INSTALL = 'python -m pip install "kseg[pretrained]"'
PARTS = (
    "width", "filters", "decoder_filters", "block", "down", "up", "skip", "head", "options",
)  # fmt: skip
"""What is said of a network's parts is said of a U-Net, where no architecture is named."""


def chosen(model: Model, *, is_drawn: bool = False) -> tuple[Model, str]:
    """Name the architecture and the weights that a section leaves open; nothing is downloaded.

    Args:
        model: The section of a recipe.
        is_drawn: Whether the images are drawn ones, of which photos teach nothing.

    Returns:
        The section, in which neither is "auto", and why it is so: a sentence, or "" where nothing
        was open.

    Example:
        >>> from kseg.models import choosing
        >>> section, why = choosing.chosen(kseg.make_recipe(width=16).model)
        >>> section.arch, section.weights, why
        ('unet', 'none', 'unet, as width was given')
    """
    if model.arch != AUTO:
        return _with_weights(model)
    given = [name for name in PARTS if getattr(model, name) != Model.model_fields[name].default]
    if model.encoder != OWN or model.weights not in (AUTO, NONE) or model.frozen:
        found, why = _with_weights(model.model_copy(update={"arch": BEST.arch}))
        return found, f"{BEST.arch}, as an encoder was asked for{'. ' if why else ''}{why}"
    if given:
        why = f"as {', '.join(given)} {'was' if len(given) == 1 else 'were'} given"
    elif is_drawn:
        why = "as drawn shapes need nothing that was learned from photos"
    elif model.weights == NONE:
        why = "as no weights to start from are wanted"
    elif wheels.is_installed(BEST.encoder):
        names = ("arch", "encoder", "weights")
        best = model.model_copy(update={name: getattr(BEST, name) for name in names})
        why = f"ImageNet weights of {BEST.encoder} are on this machine"
        return best, f"{BEST.arch} on {BEST.encoder}, as {why}"
    else:
        why = f"as no ImageNet weights are on this machine: {INSTALL} brings some"
    return model.model_copy(update={"arch": PLAIN, "weights": NONE}), f"{PLAIN}, {why}"


def _with_weights(model: Model) -> tuple[Model, str]:
    """Take ImageNet weights where they are at hand, if that is left open; else say why not."""
    if model.weights != AUTO:
        return model, ""
    name, weights = catalog.encoder(model), catalog.weights(model)
    found = model.model_copy(update={"weights": weights or NONE})
    if name is None or weights:
        return found, ""
    if name in wheels.WHEELS:
        why = f"its ImageNet weights are not on this machine ({INSTALL})"
    elif name in SOURCES:
        why = "its ImageNet weights are downloaded only if asked for, by weights=imagenet"
    else:
        why = "there are no ImageNet weights for it"
    return found, f"{name} starts from random weights: {why}"
