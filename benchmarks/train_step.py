"""A training step of kseg's networks against the same ones in PyTorch, by turns.

    python -m pip install torch timm
    python benchmarks/train_step.py
    python benchmarks/train_step.py --network pretrained --compiled
    KERAS_BACKEND=jax python benchmarks/train_step.py --width 32 --compiled --steps 50

Each pair does the same work: the plain U-Net of filters 16 to 256, a U-Net++ of filters 16 to 128
with its three heads, and the pretrained default, an EfficientNet-Lite0 under a decoder of 96, 64
and 48 channels that ends at stride 4; 11 classes, cross-entropy, AdamW, channels last. Both get
their images from the processor, as uint8, at each step: kseg's in `model.fit`. The runs alternate,
so that a change in the machine's speed meets both; the last line of each precision is the figure.
Both are on the GPU where there is one; on a CPU, PyTorch profits from the kept memory of
`kseg.machine` too.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time
from collections.abc import Callable
from statistics import median

import click
import keras
import numpy as np
import torch

from kseg import build_encoder_unet, build_unet, build_unetpp, machine
from kseg.encoders import make_encoder
from kseg.losses import CrossEntropy

WIDTH = 16
DECODER = (96, 64, 48)
CLASSES = 11
FORMATS = ("float32", "bfloat16")
ANY = (None, None, 3)


def _pretrained() -> keras.Model:
    encoder = make_encoder("efficientnet_lite0")
    return build_encoder_unet(ANY, CLASSES, encoder=encoder, filters=DECODER)


def widths(count: int, width: int) -> tuple[int, ...]:
    """Return the filters of so many levels, each twice those of the one above."""
    return tuple(width << level for level in range(count))


class Repeated(keras.utils.PyDataset):
    """One batch, so many times.

    Args:
        images: Uint8, `(batch, H, W, 3)`.
        masks: Uint8, `(batch, H, W)`.
        steps: How many times.
    """

    def __init__(self, images: np.ndarray, masks: np.ndarray, steps: int) -> None:
        super().__init__()
        self._batch, self._steps = (images, masks), steps

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the batch."""
        return self._batch


def kseg_steps(
    network: str, width: int, images: np.ndarray, masks: np.ndarray, precision: str
) -> Callable[[int], object]:
    """Return a function that trains kseg's network for some steps."""
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    model = {
        "unet": lambda: build_unet(ANY, CLASSES, filters=widths(5, width)),
        "unetpp": lambda: build_unetpp(ANY, CLASSES, filters=widths(4, width)),
        "pretrained": _pretrained,
    }[network]()
    is_plain = machine.backend() == "tensorflow" and machine.device().kind == "cpu"
    compiled = False if is_plain else "auto"
    model.compile(keras.optimizers.AdamW(1e-3), CrossEntropy(), jit_compile=compiled)
    return lambda steps: model.fit(Repeated(images, masks, steps), shuffle=False, verbose=0)


def torch_steps(
    network: str,
    width: int,
    images: np.ndarray,
    masks: np.ndarray,
    precision: str,
    compiled: bool,
) -> Callable[[int], None]:
    """Return a function that trains the same network in PyTorch for some steps, channels last."""
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    networks = {
        "unet": lambda: TorchUNet(width=width),
        "unetpp": lambda: TorchUNetPlusPlus(width),
        "pretrained": TorchPretrained,
    }
    model = networks[network]().to(kind, memory_format=torch.channels_last)
    if compiled:
        model = torch.compile(model)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=kind == "cuda")

    def step() -> None:
        x = torch.from_numpy(images).to(kind, non_blocking=True).permute(0, 3, 1, 2)
        target = torch.from_numpy(masks).to(kind, non_blocking=True).long()
        x = x.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16"):
            heads = model(x)
        heads = heads if isinstance(heads, list) else [heads]
        losses = [
            torch.nn.functional.cross_entropy(logits.float(), target, ignore_index=255)
            for logits in heads
        ]
        optimizer.zero_grad(set_to_none=True)
        (sum(losses) / len(losses)).backward()
        optimizer.step()

    def steps(count: int) -> None:
        for _ in range(count):
            step()
        if kind == "cuda":
            torch.cuda.synchronize()

    return steps


class TorchUNet(torch.nn.Module):
    """The same U-Net, as PyTorch users write it; `bilinear` without transposed convolutions."""

    def __init__(self, classes: int = CLASSES, width: int = WIDTH, bilinear: bool = False) -> None:
        super().__init__()
        nn = torch.nn
        filters = widths(5, width)
        steps = list(zip(filters, filters[1:], strict=False))
        self.encoder = nn.ModuleList(
            _double(a, b) for a, b in zip((3, *filters), filters, strict=False)
        )
        self.up = nn.ModuleList(
            nn.Upsample(scale_factor=2, mode="bilinear")
            if bilinear
            else nn.ConvTranspose2d(b, a, 2, 2)
            for a, b in steps
        )
        self.decoder = nn.ModuleList(_double(a + (b if bilinear else a), a) for a, b in steps)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits, `(n, classes, H, W)`."""
        features = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else torch.nn.functional.max_pool2d(x, 2))
            features.append(x)
        for level in reversed(range(len(self.decoder))):
            x = self.decoder[level](torch.cat([features[level], self.up[level](x)], 1))
        return self.head(x)


class TorchUNetPlusPlus(torch.nn.Module):
    """The same U-Net++, with a head per column."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        nn = torch.nn
        filters = widths(4, width)
        self.depth = len(filters) - 1
        self.nodes, self.heads = nn.ModuleDict(), nn.ModuleList()
        for level, own in enumerate(filters):
            self.nodes[f"{level}_0"] = _double(filters[level - 1] if level else 3, own)
        for column in range(1, self.depth + 1):
            for level in range(self.depth + 1 - column):
                inputs = column * filters[level] + filters[level + 1]
                self.nodes[f"{level}_{column}"] = _double(inputs, filters[level])
            self.heads.append(nn.Conv2d(width, CLASSES, 1))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the logits of each head, `(n, classes, H, W)`."""
        found = {}
        for level in range(self.depth + 1):
            x = x if level == 0 else torch.nn.functional.max_pool2d(x, 2)
            x = found[level, 0] = self.nodes[f"{level}_0"](x)
        for column in range(1, self.depth + 1):
            for level in range(self.depth + 1 - column):
                below = _doubled(found[level + 1, column - 1])
                before = [found[level, earlier] for earlier in range(column)]
                found[level, column] = self.nodes[f"{level}_{column}"](
                    torch.cat([below, *before], 1)
                )
        return [head(found[0, column]) for column, head in enumerate(self.heads, start=1)]


class TorchPretrained(torch.nn.Module):
    """An EfficientNet-Lite0 of timm under the same decoder."""

    def __init__(self) -> None:
        super().__init__()
        import timm

        nn = torch.nn
        name = "tf_efficientnet_lite0"
        self.encoder = timm.create_model(name, pretrained=False, features_only=True)
        channels = self.encoder.feature_info.channels()
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in channels)
        inputs = [
            below + skipped
            for below, skipped in zip(
                (channels[4], *DECODER), (channels[3], channels[2], channels[1]), strict=False
            )
        ]
        self.decoder = nn.ModuleList(_double(a, b) for a, b in zip(inputs, DECODER, strict=True))
        self.head = nn.Conv2d(DECODER[-1], CLASSES, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits, `(n, classes, H, W)`."""
        found = [norm(y) for norm, y in zip(self.norms, self.encoder(x), strict=True)]
        x = found[4]
        for block, skipped in zip(self.decoder, (found[3], found[2], found[1]), strict=True):
            x = block(torch.cat([torch.nn.functional.interpolate(x, scale_factor=2), skipped], 1))
        return _doubled(_doubled(self.head(x)))


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")


def _double(inputs: int, outputs: int) -> torch.nn.Sequential:
    nn = torch.nn
    steps = []
    for a, b in ((inputs, outputs), (outputs, outputs)):
        steps += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
    return nn.Sequential(*steps)


def _rate(train: Callable[[int], object], images: int, steps: int) -> float:
    start = time.perf_counter()
    train(steps)
    return images * steps / (time.perf_counter() - start)


@click.command()
@click.option(
    "--network",
    "networks",
    multiple=True,
    type=click.Choice(["unet", "unetpp", "pretrained"]),
    help="One or more of them; by default all.",
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(FORMATS),
    help="One of them; by default both.",
)
@click.option("--width", default=WIDTH, show_default=True, help="Filters of the first level.")
@click.option("--size", default=256, show_default=True, help="Height and width of the images.")
@click.option("--batch", default=8, show_default=True, help="Images per step.")
@click.option("--rounds", default=6, show_default=True, help="Alternating runs of each.")
@click.option("--steps", default=4, show_default=True, help="Steps per run.")
@click.option("--threads", default=os.cpu_count(), show_default=True, help="Threads of both.")
@click.option("--compiled", is_flag=True, help="Compare with torch.compile instead of eager.")
def main(
    networks: tuple[str, ...],
    precisions: tuple[str, ...],
    width: int,
    size: int,
    batch: int,
    rounds: int,
    steps: int,
    threads: int,
    compiled: bool,
) -> None:
    """Print images per second of both, and their ratio, in float32 and bfloat16."""
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU, as XLA and cuDNN take it
    torch.backends.cudnn.benchmark = True
    if machine.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    masks = rng.integers(0, CLASSES, (batch, size, size), dtype=np.uint8)
    for network in networks or ("unet", "unetpp", "pretrained"):
        for precision in precisions or FORMATS:
            ours = kseg_steps(network, width, images, masks, precision)
            theirs = torch_steps(network, width, images, masks, precision, compiled)
            ours(2), theirs(2)
            pairs = [
                (_rate(ours, batch, steps), _rate(theirs, batch, steps)) for _ in range(rounds)
            ]
            label = f"{network:10} {precision:8}"
            for name, rates in zip(("kseg", "PyTorch"), zip(*pairs, strict=True), strict=True):
                figures = f"median {median(rates):6.1f}  min {min(rates):6.1f}"
                click.echo(f"{label} {name:8} images/s {figures}")
            ratios = [a / b for a, b in pairs]
            click.echo(f"{label} ratio    median {median(ratios):.2f}  min {min(ratios):.2f}")


if __name__ == "__main__":
    main()
