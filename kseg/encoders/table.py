"""What is known of encoders before one is built; Keras is not imported."""

FEATURE_NORM = "_feature_norm"
"""How the layers are called that kseg adds to the published ones: each normalises a feature."""

DENSENET = ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu")

# Name: the application, the range of its pixels (a key of `inputs.RANGES`), and the layers whose
# outputs are the features of strides 2 to 32: the last of their size, but where the next stage
# would widen them first. ":input" is for a layer whose input comes from one without a fixed name.
APPLICATIONS = {
    "efficientnetv2_b0": (
        "EfficientNetV2B0",
        "imagenet",
        ("block1a_project_activation", "block2b_add", "block3b_add", "block5e_add", "block6h_add"),
    ),
    "efficientnetv2_b1": (
        "EfficientNetV2B1",
        "imagenet",
        ("block1b_add", "block2c_add", "block3c_add", "block5f_add", "block6i_add"),
    ),
    "efficientnetv2_b2": (
        "EfficientNetV2B2",
        "imagenet",
        ("block1b_add", "block2c_add", "block3c_add", "block5f_add", "block6j_add"),
    ),
    "efficientnetv2_b3": (
        "EfficientNetV2B3",
        "imagenet",
        ("block1b_add", "block2c_add", "block3c_add", "block5g_add", "block6l_add"),
    ),
    "efficientnetv2_s": (
        "EfficientNetV2S",
        "symmetric_128",
        ("block1b_add", "block2d_add", "block3d_add", "block5i_add", "block6o_add"),
    ),
    "efficientnetv2_m": (
        "EfficientNetV2M",
        "symmetric_128",
        ("block1c_add", "block2e_add", "block3e_add", "block5n_add", "block7e_add"),
    ),
    "efficientnetv2_l": (
        "EfficientNetV2L",
        "symmetric_128",
        ("block1d_add", "block2g_add", "block3g_add", "block5s_add", "block7g_add"),
    ),
    "mobilenetv2": (
        "MobileNetV2",
        "symmetric",
        (
            "expanded_conv_project_BN",
            "block_2_add",
            "block_5_add",
            "block_12_add",
            "block_16_project_BN",
        ),
    ),
    "mobilenetv3_small": (
        "MobileNetV3Small",
        "symmetric",
        (
            "expanded_conv_depthwise_pad:input",
            "expanded_conv_project_bn",
            "expanded_conv_2_add",
            "expanded_conv_7_add",
            "expanded_conv_10_add",
        ),
    ),
    "mobilenetv3_large": (
        "MobileNetV3Large",
        "symmetric",
        (
            "expanded_conv_add",
            "expanded_conv_2_add",
            "expanded_conv_5_add",
            "expanded_conv_11_add",
            "expanded_conv_14_add",
        ),
    ),
    "densenet121": ("DenseNet121", "imagenet", DENSENET),
    "densenet169": ("DenseNet169", "imagenet", DENSENET),
    "densenet201": ("DenseNet201", "imagenet", DENSENET),
    "resnet50v2": (
        "ResNet50V2",
        "symmetric",
        (
            "conv1_conv",
            "conv2_block3_preact_relu",
            "conv3_block4_preact_relu",
            "conv4_block6_preact_relu",
            "post_relu",
        ),
    ),
    "resnet101v2": (
        "ResNet101V2",
        "symmetric",
        (
            "conv1_conv",
            "conv2_block3_preact_relu",
            "conv3_block4_preact_relu",
            "conv4_block23_preact_relu",
            "post_relu",
        ),
    ),
    "resnet152v2": (
        "ResNet152V2",
        "symmetric",
        (
            "conv1_conv",
            "conv2_block3_preact_relu",
            "conv3_block8_preact_relu",
            "conv4_block36_preact_relu",
            "post_relu",
        ),
    ),
    "vgg16": (
        "VGG16",
        "imagenet_centred",
        ("block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3", "block5_pool"),
    ),
    "vgg19": (
        "VGG19",
        "imagenet_centred",
        ("block2_conv2", "block3_conv4", "block4_conv4", "block5_conv4", "block5_pool"),
    ),
}
