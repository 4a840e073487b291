"""Ten minutes of training each, by turns on one machine: kseg and what a user would pick instead.

    python -m pip install torch segmentation-models-pytorch
    python benchmarks/against_peers.py --data camvid
    python benchmarks/against_peers.py --data cracks --contender auto --contender light

The contenders:

    auto    kseg's default: what `kseg train --data DATA` takes
    unet    kseg's plain U-Net from scratch: `kseg train --data DATA --arch unet`
    light   a light PyTorch U-Net, filters 16 to 256, as a careful user writes it: doubled
            bilinearly, crops of 176x240 at scale 1 to 1.6 of the image's half size, batch 8, AdamW
            3e-3 with decay 1e-2, one-cycle, ENet weights, channels last, bfloat16 by autocast where
            it is faster
    smp     segmentation_models.pytorch's U-Net on a ResNet-34 from scratch, with the settings of
            its examples: Adam 2e-4, cosine, batch 8, images at full size, no augmentation but flips

Each gets so many minutes of batches and steps; starting and scoring are outside the clock. The last
weights count, no best epoch. All are scored by the same code, at the images' original size, void
left out; once as they are, once with the mean of the answers for an image and its mirror image.
Each contender is a process of its own, and what it found is a line of JSON in --out.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import click
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CONTENDERS = ("auto", "unet", "light", "smp")
Predict = Callable[[np.ndarray], np.ndarray]
"""From images, uint8 `(n, H, W, 3)`, to probabilities `(n, H, W, classes)`."""


class Trained(dict):
    """What a contender tells of its training: images seen, seconds, and what it is."""


def kseg_contender(
    data: str, minutes: float, seed: int, **choices: Any
) -> tuple[Callable[[np.ndarray], np.ndarray], Trained]:
    """Train kseg's network on kseg's batches; return a function from an image to probabilities."""
    import keras

    import kseg
    from kseg import machine
    from kseg.callbacks import ByClock, LearningRate
    from kseg.callbacks.progress import UNBOUND
    from kseg.inference import Predictor, keras_engine
    from kseg.models import catalog
    from kseg.schedules import make_schedule
    from kseg.training import defaults, engine, precision
    from kseg.training.data import open_data

    device = machine.device()
    wish = kseg.make_recipe(data=data, seed=seed, **choices)
    wish = defaults.for_machine(wish, device)
    found = open_data(wish)
    plan = defaults.for_data(wish, device, found.train, found.splits.labels)
    timed = precision.measured(plan, found, device)
    plan = plan.changed(precision=min(timed, key=timed.__getitem__))
    keras.utils.set_random_seed(seed)
    model, batches, _ = engine.assemble(plan, found, device)
    model.optimizer.learning_rate = 0.0
    model.train_on_batch(*batches[0])  # is compiled outside the clock
    steps = round(60 * minutes / min(timed.values()))
    schedule = make_schedule(plan.schedule, plan.optimizer.learning_rate, steps)
    pace = ByClock(60 * minutes)
    rate = LearningRate(schedule, steps, pace)
    started = time.perf_counter()
    model.fit(batches, epochs=UNBOUND, shuffle=False, verbose=0, callbacks=[pace, rate])
    seconds = time.perf_counter() - started
    runner = keras_engine(model)
    stride, most = catalog.stride(plan.model), plan.input.max_side
    predictor = Predictor(runner, stride=stride, max_side=most)
    told = Trained(
        images=len(rate.done) * plan.loop.batch_size,
        seconds=seconds,
        what=f"{plan.model.arch}, {plan.loop.precision}, {plan.input.size}, up to {most}",
    )
    return lambda image: next(iter(predictor.probabilities([image]))).array(), told


def light_contender(
    data: str, minutes: float, seed: int
) -> tuple[Callable[[np.ndarray], np.ndarray], Trained]:
    """Train a light PyTorch U-Net as a careful user would."""
    import torch
    from train_step import TorchUNet

    torch.manual_seed(seed)
    labels, images, masks = arrays(data, "train", half=True)
    classes = len(labels)
    network = TorchUNet(classes, bilinear=True).to(memory_format=torch.channels_last)
    weights = torch.tensor(enet_weights(masks, classes), dtype=torch.float32)

    def batch(chosen: list[int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pairs = [cropped(images[one], masks[one], rng, labels.ignore) for one in chosen]
        return tuple(map(np.stack, zip(*pairs, strict=True)))

    batches = shuffled(batch, len(images), seed)
    rate, fast = learn(network, batches, weights, labels.ignore, minutes, 3e-3, 1e-2, "onecycle")

    def answer(image: np.ndarray) -> np.ndarray:
        import cv2

        height, width = image.shape[:2]
        half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        # The crops were shown at scale 1 to 1.6; the image is at their middle.
        size = tuple(round(1.3 * side / 16) * 16 for side in half.shape[:2])
        shown = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
        return resized(torch_answer(network, shown, fast), (height, width))

    return answer, Trained(**rate, what=f"{'bfloat16' if fast else 'float32'}, crops of 176x240")


def smp_contender(
    data: str, minutes: float, seed: int
) -> tuple[Callable[[np.ndarray], np.ndarray], Trained]:
    """Train segmentation_models.pytorch's U-Net with the settings of its examples."""
    import segmentation_models_pytorch as smp
    import torch

    torch.manual_seed(seed)
    labels, images, masks = arrays(data, "train", half=False)
    network = smp.Unet("resnet34", encoder_weights=None, classes=len(labels))
    network = network.to(memory_format=torch.channels_last)

    def batch(chosen: list[int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pairs = [padded(images[one], masks[one], labels.ignore) for one in chosen]
        pairs = [
            (image[:, ::-1], mask[:, ::-1]) if rng.uniform() < 0.5 else (image, mask)
            for image, mask in pairs
        ]
        return tuple(map(np.stack, zip(*pairs, strict=True)))

    batches = shuffled(batch, len(images), seed)
    rate, fast = learn(network, batches, None, labels.ignore, minutes, 2e-4, 0.0, "cosine")

    def answer(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        whole, _ = padded(image, np.zeros((height, width), np.uint8), labels.ignore)
        return torch_answer(network, whole, fast)[:height, :width]

    return answer, Trained(**rate, what=f"{'bfloat16' if fast else 'float32'}, full size")


def learn(
    network: Any,
    batches: Iterator[Callable[[], tuple[np.ndarray, np.ndarray]]],
    weights: Any,
    ignore: int,
    minutes: float,
    peak: float,
    decay: float,
    schedule: str,
) -> tuple[dict[str, float], bool]:
    """Train a PyTorch network for some minutes; return images and seconds, and if in bfloat16."""
    from concurrent.futures import ThreadPoolExecutor

    import torch

    optimizer = torch.optim.AdamW(network.parameters(), peak, weight_decay=decay)

    def step(pair: tuple[np.ndarray, np.ndarray], fast: bool) -> None:
        images = torch.from_numpy(np.ascontiguousarray(pair[0])).permute(0, 3, 1, 2)
        x = images.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            logits = network(x)
        target = torch.from_numpy(np.ascontiguousarray(pair[1])).long()
        loss = torch.nn.functional.cross_entropy(
            logits.float(), target, weight=weights, ignore_index=ignore
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    state = {key: value.clone() for key, value in network.state_dict().items()}
    took = {False: [], True: []}
    for turn in range(8):
        started = time.perf_counter()
        step(next(batches)(), bool(turn % 2))
        took[bool(turn % 2)].append(time.perf_counter() - started)
    fast = min(took[True][1:]) < min(took[False][1:])
    network.load_state_dict(state)
    optimizer.state.clear()

    seen, progress = 0, 0.0
    with ThreadPoolExecutor(2) as pool:
        coming = [pool.submit(next(batches)) for _ in range(4)]
        started = time.perf_counter()
        while progress < 1:
            part = rate_at(progress, schedule)
            for group in optimizer.param_groups:
                group["lr"] = peak * part
                if schedule == "onecycle":  # as `OneCycleLR` does by itself
                    group["betas"] = (0.95 - 0.1 * part, 0.999)
            pair = coming.pop(0).result()
            coming.append(pool.submit(next(batches)))
            step(pair, fast)
            seen += len(pair[0])
            progress = (time.perf_counter() - started) / (60 * minutes)
    return {"images": seen, "seconds": time.perf_counter() - started}, fast


def shuffled(
    batch: Callable[[list[int], np.random.Generator], Any], count: int, seed: int
) -> Iterator[Callable[[], Any]]:
    """Yield what makes each batch of 8, of shuffled epochs, as the threads of a `DataLoader` do."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count).tolist()
        for first in range(0, count - 7, 8):
            own = np.random.default_rng(rng.integers(2**32))
            yield partial(batch, order[first : first + 8], own)


def rate_at(progress: float, schedule: str) -> float:
    """Return the part of the peak rate at a part of the training."""
    if schedule == "cosine":
        return 0.5 * (1 + np.cos(np.pi * progress))
    if progress < 0.3:
        return 1 / 25 + (1 - 1 / 25) * 0.5 * (1 - np.cos(np.pi * progress / 0.3))
    return 0.5 * (1 + np.cos(np.pi * (progress - 0.3) / 0.7))


def torch_answer(network: Any, image: np.ndarray, fast: bool) -> np.ndarray:
    """Return the probabilities of an image whose sides the network takes."""
    import torch

    network.eval()
    x = torch.from_numpy(np.ascontiguousarray(image))[None].permute(0, 3, 1, 2)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=fast):
        logits = network(x.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last))
    return logits.float().softmax(1)[0].permute(1, 2, 0).numpy()


def arrays(data: str, split: str, half: bool) -> tuple[Any, list[np.ndarray], list[np.ndarray]]:
    """Read a split at full or at half size."""
    import cv2

    from kseg.data import Source

    source = Source(data)
    samples = source.split(split, source.open().labels)
    images, masks = [], []
    for index in range(len(samples)):
        sample = samples[index]
        size = tuple(side // (2 if half else 1) for side in sample.mask.shape)[::-1]
        images.append(cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA))
        masks.append(cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST_EXACT))
    return samples.labels, images, masks


def cropped(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, ignore: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scale by 1 to 1.6, crop 176x240 and flip, as a careful user would."""
    import cv2

    from kseg.data.augment.crops import scaled_crop

    cv2.setNumThreads(0)
    image, mask = scaled_crop(image, mask, (176, 240), (1.0, 1.6), ignore, (), rng)
    return (image[:, ::-1], mask[:, ::-1]) if rng.uniform() < 0.5 else (image, mask)


def padded(image: np.ndarray, mask: np.ndarray, ignore: int) -> tuple[np.ndarray, np.ndarray]:
    """Pad to multiples of 32."""
    margins = [(0, -side % 32) for side in mask.shape]
    return (
        np.pad(image, [*margins, (0, 0)], mode="edge"),
        np.pad(mask, margins, constant_values=ignore),
    )


def resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolate probabilities bilinearly."""
    import cv2

    return np.dstack([cv2.resize(values[..., one], size[::-1]) for one in range(values.shape[-1])])


def enet_weights(masks: list[np.ndarray], classes: int) -> np.ndarray:
    """Return the class weights of ENet (Paszke et al. 2016): 1 / ln(1.02 + share)."""
    pixels = sum(np.bincount(mask.ravel(), minlength=256) for mask in masks)[:classes]
    return 1 / np.log(1.02 + pixels / pixels.sum())


def scored(answer: Callable[[np.ndarray], np.ndarray], data: str) -> Iterator[tuple[str, Any]]:
    """Score on validation and test, as it is and with flips, at the original size."""
    from kseg.data import Source
    from kseg.metrics.scores import Scores

    source = Source(data)
    labels = source.open().labels
    classes = len(labels)
    for split in ("val", "test"):
        samples = source.split(split, labels)
        counts = {flip: np.zeros((classes, classes), np.int64) for flip in (False, True)}
        for index in range(len(samples)):
            sample = samples[index]
            straight = answer(sample.image)
            mirrored = answer(np.ascontiguousarray(sample.image[:, ::-1]))[:, ::-1]
            valid = sample.mask != labels.ignore
            for flip, values in ((False, straight), (True, straight + mirrored)):
                found = values.argmax(axis=-1)[valid].astype(np.int64)
                pairs = np.bincount(
                    classes * sample.mask[valid].astype(np.int64) + found, minlength=classes**2
                )
                counts[flip] += pairs.reshape(classes, classes)
        for flip, confusion in counts.items():
            scores = Scores(confusion)
            yield f"{split}{' flip' if flip else ''}", round(float(scores.mean_iou), 4)
            if not flip:
                named = zip(labels.names, scores.iou.tolist(), strict=True)
                yield f"{split} per class", {name: round(iou, 3) for name, iou in named}


def one(contender: str, data: str, minutes: float, seed: int) -> dict[str, Any]:
    """Train and score one contender."""
    if contender in ("auto", "unet"):
        choices = {"arch": "unet"} if contender == "unet" else {}
        answer, told = kseg_contender(data, minutes, seed, **choices)
    else:
        make = {"light": light_contender, "smp": smp_contender}[contender]
        answer, told = make(data, minutes, seed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "contender": contender,
        "data": Path(data).name,
        "seed": seed,
        "minutes": minutes,
        **told,
        "images/s": round(told["images"] / told["seconds"], 2),
        "MiB": round(memory),
        **dict(scored(answer, data)),
    }


@click.command()
@click.option("--data", required=True, help="A folder as `kseg train` takes it.")
@click.option("--minutes", default=10.0, show_default=True, help="Of batches and steps each.")
@click.option("--seeds", default=2, show_default=True, help="Trainings of each.")
@click.option("--contender", "contenders", multiple=True, type=click.Choice(CONTENDERS))
@click.option("--out", default="peers.jsonl", show_default=True, type=click.Path(path_type=Path))
@click.option("--single", nargs=2, hidden=True)
def main(
    data: str,
    minutes: float,
    seeds: int,
    contenders: tuple[str, ...],
    out: Path,
    single: tuple[str, str] | None,
) -> None:
    """Print a line per training, and the means."""
    if single:
        print(json.dumps(one(single[0], data, minutes, int(single[1]))))
        return
    lines = []
    for seed in range(seeds):
        for contender in contenders or CONTENDERS:
            command = [sys.executable, __file__, "--data", data, "--minutes", str(minutes)]
            command += ["--single", contender, str(seed)]
            said = subprocess.run(command, capture_output=True, text=True)
            if said.returncode:
                raise click.ClickException(f"{contender}: {said.stderr[-2000:]}")
            line = json.loads(said.stdout.splitlines()[-1])
            lines.append(line)
            with out.open("a") as file:
                file.write(json.dumps(line) + "\n")
            click.echo(json.dumps(line))
    for contender in contenders or CONTENDERS:
        own = [line for line in lines if line["contender"] == contender]
        figures = ", ".join(
            f"{name} {mean(line[name] for line in own):.3f}"
            for name in ("val", "test", "val flip", "test flip", "images", "images/s", "MiB")
        )
        click.echo(f"{contender:<6} {figures}")


if __name__ == "__main__":
    main()
