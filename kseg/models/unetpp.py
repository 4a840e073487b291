"""U-Net++ (Zhou, Siddiquee, Tajbakhsh and Liang 2018, 2020)."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from kseg import _checks, blocks
from kseg.models.heads import image_input, segmentation_output
from kseg.models.supervision import Weights, normalized, with_heads


def build_unetpp(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[int] = (64, 128, 256, 512, 1024),
    block: Callable = blocks.double_convolution,
    up: Callable = blocks.upsample,
    heads: int | None = None,
    head_weights: Weights = "equal",
    activation: str | None = "auto",
) -> keras.Model:
    """Build a U-Net++: nested U-Nets whose nodes are densely joined, with a head on each.

    Node `x{i}_{j}` lies at level i, column j: `x{i}_0` is the encoder; every other node joins all
    nodes before it at its level with the one below, doubled in size. A head on `x0_j` answers with
    j levels: `prune` cuts the network there.

    Args:
        input_shape: `(height, width, channels)`; `None` for multiples of the stride, by default 16.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels per level, top to bottom.
        block: Convolutions of a node, such as `blocks.double_convolution`.
        up: Up-sampling, such as `blocks.upsample` or `blocks.transposed_convolution`.
        heads: Number of supervised heads, counted from the last; by default one on every `x0_j`.
            With 1 the model is a plain one.
        head_weights: Weights of the heads: "equal", "half", or one number per head (`supervise`).
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `DeeplySupervised` model, or a plain one with a single head, from images `(batch, height,
        width, channels)`, values in [0, 255], to float32 probabilities `(batch, height, width,
        num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    Example:
        >>> model = kseg.build_unetpp((64, 64, 3), 8, filters=(8, 16, 32))
        >>> model.head_names
        ('x0_1', 'x0_2')
        >>> kseg.models.prune(model, 1).output_shape
        (None, 64, 64, 8)

    References:
        Zhou et al. 2018, https://arxiv.org/abs/1807.10165, Figure 1; 2020,
        https://arxiv.org/abs/1912.05074. The paper's heads are 1x1 convolutions with a sigmoid; it
        up-samples by transposed convolutions in its first version, bilinearly in its second.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters", at_least=2)
    _checks.functions(block=block, up=up)
    depth = len(filters) - 1
    supervised = range(
        depth + 1 - _checks.count(depth if heads is None else heads, depth, "heads"), depth + 1
    )
    normalized(head_weights, len(supervised))

    image, x = image_input(input_shape, stride=2**depth)

    nodes = {}
    for level, width in enumerate(filters):
        if level:
            x = blocks.max_pooling(x, name=f"x{level}_0_down")
        x = nodes[level, 0] = block(x, width, name=f"x{level}_0")

    for column in range(1, depth + 1):
        for level in range(depth + 1 - column):
            node = f"x{level}_{column}"
            before = [nodes[level, earlier] for earlier in range(column)]
            below = up(nodes[level + 1, column - 1], filters[level], name=f"{node}_up")
            x = layers.Concatenate(name=f"{node}_skip")([*before, below])
            nodes[level, column] = block(x, filters[level], name=node)

    outputs = {
        f"x0_{column}": segmentation_output(
            nodes[0, column], image, num_classes, activation, name=f"x0_{column}"
        )
        for column in supervised
    }
    return with_heads(image, outputs, head_weights, "unetpp")
