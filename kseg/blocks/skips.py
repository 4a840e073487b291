"""Skip connections: the encoder's features and the decoder's become one."""

from keras import KerasTensor, layers

from kseg.blocks.convolutions import convolution


def concatenate(x: KerasTensor, features: KerasTensor, *, name: str) -> KerasTensor:
    """Join the encoder's features and the decoder's along the channels, the encoder's first.

    Args:
        x: The decoder's features, shape `(batch, height, width, channels)`.
        features: The encoder's features, of the same height and width.
        name: Name of the layer.

    Returns:
        Features, shape `(batch, height, width, channels of both)`.

    Example:
        >>> decoder, encoder = np.zeros((1, 1, 1, 1)), np.ones((1, 1, 1, 2))
        >>> y = kseg.blocks.concatenate(decoder, encoder, name="skip")
        >>> keras.ops.convert_to_numpy(y).ravel()
        array([1., 1., 0.], dtype=float32)
    """
    return layers.Concatenate(name=name)([features, x])


def attention_gate(
    x: KerasTensor,
    gate: KerasTensor,
    filters: int,
    *,
    use_bias: bool | None = None,
    name: str,
) -> KerasTensor:
    """Weight features by an additive attention: a map in [0, 1] of where the gate finds them apt.

        alpha = sigmoid(psi(relu(W_x x + W_g g))),  result = alpha x

    W_x, W_g and psi are 1x1 convolutions, each normalised. The map is the output of the layer
    `{name}_map`.

    Args:
        x: The encoder's features, shape `(batch, height, width, channels)`.
        gate: The decoder's features, of the same height and width.
        filters: Channels of W_x and W_g, F_int in the paper.
        use_bias: Whether W_x and W_g have a bias; by default only without normalisation. Psi
            always has one.
        name: Prefix of the layers' names.

    Returns:
        Features of the shape of `x`.

    Example:
        >>> x, gate = keras.Input((32, 32, 8)), keras.Input((32, 32, 16))
        >>> model = keras.Model([x, gate], kseg.blocks.attention_gate(x, gate, 4, name="gate"))
        >>> model.output_shape, model.get_layer("gate_map").output.shape
        ((None, 32, 32, 8), (None, 32, 32, 1))

    References:
        Oktay et al. 2018, https://arxiv.org/abs/1804.03999, Equations 1 and 2, Figure 2. The paper
        compares both at the size of the coarser one, and resamples the map.
    """
    x_part = convolution(x, filters, 1, activation=None, use_bias=use_bias, name=f"{name}_x")
    g_part = convolution(gate, filters, 1, activation=None, use_bias=use_bias, name=f"{name}_g")
    y = layers.Add(name=f"{name}_sum")([x_part, g_part])
    y = layers.Activation("relu", name=f"{name}_act")(y)
    y = convolution(y, 1, 1, activation=None, use_bias=True, name=f"{name}_psi")
    alpha = layers.Activation("sigmoid", name=f"{name}_map")(y)
    return layers.Multiply(name=name)([x, alpha])
