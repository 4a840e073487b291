"""Parameters of published implementations, counted here too."""

from functools import partial

import pytest

from kseg import blocks, models
from kseg.encoders.resnet import resnet
from kseg.models import measure
from kseg.models.measures import shapes_only

ANY = (None, None, 3)
BIASED = {
    "block": partial(blocks.double_convolution, use_bias=True),
    "up": partial(blocks.up_convolution, use_bias=True),
}


@pytest.mark.parametrize(
    ("name", "classes", "options", "count"),
    [
        # Filters 64 to 1024, bilinear, four heads.
        ("build_unetpp", 8, {}, 36_624_352),
        ("build_unetpp", 8, {"heads": 1}, 36_622_792),
        # ResNet-34 with projections in every stage, a residual bottleneck of 1024.
        ("build_resnet34_unet", 1, {}, 48_198_721),
        # LeeJunHyun/Image_Segmentation, network.py: AttU_Net and R2U_Net (any t).
        (
            "build_attention_unet",
            1,
            {**BIASED, "gate": partial(blocks.attention_gate, use_bias=True)},
            34_878_573,
        ),
        (
            "build_r2unet",
            1,
            {**BIASED, "block": partial(blocks.recurrent_residual, use_bias=True)},
            39_091_393,
        ),
        # UNet-Version, models/UNet_3Plus.py: UNet_3Plus and UNet_3Plus_DeepSup, without the 6,528
        # biases that normalisation makes redundant.
        ("build_unet3plus", 1, {"heads": 1}, 26_971_777 - 6_528),
        ("build_unet3plus", 1, {}, 26_989_637 - 6_528),
        # xuebinqin/U-2-Net, model/u2net.py: U2NET and U2NETP, without 14,400 and 2,848 such biases.
        ("build_u2net", 1, {}, 44_009_869 - 14_400),
        (
            "build_u2net",
            1,
            {"filters": ((16, 64),) * 6, "decoder_filters": ((16, 64),) * 5},
            1_131_181 - 2_848,
        ),
        # segmentation_models_pytorch 0.6.0 on resnet34; PAN without 262 redundant biases, PSPNet
        # without the stages of the encoder that it counts and never runs.
        ("build_encoder_unet", 1, {}, 24_436_369),
        ("build_encoder_unetpp", 1, {}, 26_078_609),
        ("build_linknet", 1, {}, 21_771_937),
        ("build_fpn", 1, {}, 23_155_393),
        (
            "build_pspnet",
            1,
            {"encoder": lambda x, output_stride: resnet(x)[:3]},
            21_437_985 - 6_822_400 - 13_114_368,
        ),
        ("build_deeplabv3plus", 1, {}, 22_437_457),
        ("build_manet", 1, {}, 31_783_633),
        ("build_pan", 1, {}, 21_475_816 - 262),
        # The same on resnet18, and HuggingFace transformers' SegformerForSemanticSegmentation, B0.
        ("build_encoder_unet", 1, {"encoder": partial(resnet, depth=18)}, 14_328_209),
        ("build_deeplabv3plus", 1, {"encoder": partial(resnet, depth=18)}, 12_329_297),
        ("build_segformer", 150, {}, 3_752_694),
    ],
)
def test_parameters_equal_the_published_counts(name, classes, options, count):
    with shapes_only():
        assert measure(getattr(models, name)(ANY, classes, **options)).parameters == count
