"""The blocks by name, for recipes; a function, and Keras with it, is imported when it is used."""

BLOCKS = {
    "convolution": "kseg.blocks.convolutions:convolution",
    "double_convolution": "kseg.blocks.convolutions:double_convolution",
    "recurrent_residual": "kseg.blocks.convolutions:recurrent_residual",
    "residual": "kseg.blocks.convolutions:residual",
    "separable_convolution": "kseg.blocks.convolutions:separable_convolution",
}
DOWNS = {
    "max_pooling": "kseg.blocks.sampling:max_pooling",
    "strided_convolution": "kseg.blocks.sampling:strided_convolution",
}
UPS = {
    "transposed_convolution": "kseg.blocks.sampling:transposed_convolution",
    "up_convolution": "kseg.blocks.sampling:up_convolution",
    "upsample": "kseg.blocks.sampling:upsample",
}
SKIPS = {
    "concatenate": "kseg.blocks.skips:concatenate",
}
HEADS = {
    "convolution": "kseg.blocks.convolutions:convolution",
    "double_convolution": "kseg.blocks.convolutions:double_convolution",
    "separable_convolution": "kseg.blocks.convolutions:separable_convolution",
}
NORMALIZATIONS = {
    "batch": "kseg.layers:BatchNormalization",
    "group": "kseg.blocks.normalizations:group",
    "layer": "keras.layers:LayerNormalization",
}
GIVEN = ("name", "number", "strides")
"""Arguments that a builder gives, and so are no options."""
