"""`kseg train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kseg import _checks
from kseg.cli.options import (
    ClassWeights,
    HeadWeights,
    Size,
    augment_option,
    checked_by,
    download_option,
    image_key_option,
    mask_key_option,
    one_of,
    runs_option,
)
from kseg.encoders.catalog import ENCODERS
from kseg.losses.catalog import LOSSES, parse
from kseg.models.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from rich.console import Console

    from kseg.artifacts import RunFolder
    from kseg.recipes import Recipe
    from kseg.training import Interrupted, Prepared, Run


@click.command()
@click.option(
    "--arch",
    metavar="NAME",
    callback=one_of(ARCHITECTURES, "architecture"),
    help="Architecture, such as unet or unetpp; kseg models lists them.  [default: unet]",
)
@click.option(
    "--data",
    metavar="DATA",
    help="Folder with train/ (and val/, test/), each with images/ and masks/; a folder that is to "
    "be split; a list of pairs (.csv, .txt); oxford_iiit_pet or tfds:NAME of TensorFlow Datasets; "
    "or the built-in data set shapes.  [default: shapes]",
)
@image_key_option
@mask_key_option
@download_option
@click.option("--name", help="Name of the run.  [default: ARCH-DATA, numbered if it exists]")
@click.option("--overwrite", is_flag=True, help="Replace a run of that name.")
@click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="recipe.yaml of a run to make again; other options change it.",
)
@click.option(
    "--encoder",
    metavar="NAME",
    callback=one_of(ENCODERS, "encoder"),
    help="Encoder under an architecture that takes any; kseg models lists both.",
)
@click.option(
    "--weights",
    type=click.Choice(["none", "imagenet"]),
    help="What the encoder starts from; imagenet is downloaded once.  [default: none]",
)
@click.option(
    "--frozen",
    type=click.IntRange(0, 5),
    help="Leading stages of the encoder that are not trained.  [default: 0]",
)
@click.option(
    "--heads",
    type=click.IntRange(1),
    help="Supervised heads, the final one included; 1 for that alone.  [default: all that the "
    "architecture has by itself]",
)
@click.option(
    "--head-weights",
    type=HeadWeights(),
    help="Weights of the heads in the loss: equal, half (each half of the next), or one number a "
    "head, the final one last.  [default: equal]",
)
@click.option(
    "--width", type=click.IntRange(1), help="Channels of the first level; all others scale with it."
)
@click.option(
    "--size", type=Size(), help="Height and width of the crops, multiples of the network's stride."
)
@click.option("--max-side", type=click.IntRange(1), help="Larger images are made smaller.")
@augment_option
@click.option(
    "--scale",
    type=click.FloatRange(0.1, 10),
    nargs=2,
    help="Range of the factor by which the presets light and driving scale images.",
)
@click.option(
    "--crop",
    type=click.Choice(["random", "rare"]),
    help="Where images are cropped: anywhere, or every other time around a class drawn by its "
    "rarity.  [default: random]",
)
@click.option(
    "--mix",
    type=click.Choice(["none", "cutmix", "copy-paste"]),
    help="Make one of two samples half of the time: a rectangle of another, or all pixels of a "
    "class of another, drawn by its rarity.  [default: none]",
)
@click.option("--batch-size", type=click.IntRange(1), help="Images a step.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the training images.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, 100_000, min_open=True),
    help="Train as many epochs as this machine does in this time.",
)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), help="Peak learning rate."
)
@click.option(
    "--loss",
    metavar="SUM",
    callback=checked_by(parse),
    help=f"Loss, or a sum such as ce+0.5*dice, of {', '.join(LOSSES)}.  [default: ce]",
)
@click.option(
    "--class-weights",
    type=ClassWeights(),
    help="Weights of the classes in the loss: none; median, enet, inverse or effective (from the "
    "training masks; kseg data stats shows them); or one number a class.  [default: enet for ce, "
    "focal and topk where a class has under 1 % of the pixels, else none]",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Number format of the computation.",
)
@click.option(
    "--val-fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Part of the images that validates where the data has no val split.  [default: 0.15]",
)
@click.option(
    "--test-fraction",
    type=click.FloatRange(0, 1, max_open=True),
    help="Part of the images kept for a test where the data is not split.  [default: 0]",
)
@click.option(
    "--split-by",
    metavar="HOW",
    callback=checked_by(_checks.way_to_split),
    help="How these parts are chosen: random; classes, so that each is found in every part; or "
    "group:PATTERN, a regular expression that finds in a name what must stay together, such as "
    "the video of a frame.  [default: random]",
)
@click.option(
    "--mask-suffix",
    help="What ends a mask's name where masks lie beside their images.  [default: _mask]",
)
@click.option(
    "--cache",
    type=click.Choice(["memory", "disk", "none"]),
    help="Where images are kept once read: in memory, up to 1 GiB each for training and "
    "validation; in a temporary file, up to a quarter of the free disk; or nowhere.  [default: "
    "memory]",
)
@click.option(
    "--skip-broken",
    is_flag=True,
    default=None,
    help="Go on without files that cannot be read, and list them in the run.",
)
@click.option("--seed", type=click.IntRange(0), help="Seed of everything random.  [default: 0]")
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard into the run.")
@runs_option
def train(
    name: str | None,
    overwrite: bool,
    recipe: Path | None,
    minutes: float | None,
    tensorboard: bool,
    runs: Path,
    image_key: str,
    mask_key: str,
    download: bool,
    **choices: Any,
) -> None:
    """Train a network and keep everything in a folder of its own.

    What is not given is chosen for the machine and the data, and printed. The folder holds the
    model of the best epoch (model.keras), the recipe, history, scores and pictures.
    """
    from kseg import artifacts, machine
    from kseg.cli.terminal import counting, open_console, print_device

    wish = _wish(recipe, minutes, choices)
    name = _run_name(name, runs, wish, overwrite)
    console = open_console()
    backend, device = machine.backend(), machine.device()
    print_device(console, backend, device)
    wish = _as_files(console, wish, image_key, mask_key, download)

    from kseg import reports, training
    from kseg.callbacks import Progress

    progress = Progress(console)
    logs = [training.tensorboard(runs / name / "logs")] if tensorboard else []
    with counting(console, "reading the data", None) as on_sample:
        prepared = training.prepare(wish, device, on_sample)
    _print_data(console, prepared)
    if minutes:
        console.print(f"measuring what this machine does in {minutes:g} minutes ...")
        prepared = training.fit_into(prepared, minutes)
    _print_recipe(console, prepared.recipe)

    with artifacts.new_run(runs, name, overwrite=overwrite) as folder:
        try:
            run = training.train(prepared, folder, [progress, *logs])
        except training.Interrupted as stop:
            reports.report_training(folder)
            _print_stop(console, stop, prepared, overwrite)
            raise click.exceptions.Exit(130) from None
        finally:
            progress.close()
    reports.report_training(folder)
    samples = training.source(prepared.recipe).split("val", prepared.splits.labels)
    reports.report_predictions(folder, folder.open_predictor(), samples)
    _print_run(console, run, prepared)


def _wish(recipe: Path | None, minutes: float | None, choices: dict[str, Any]) -> "Recipe":
    """Return the recipe of the file, or an empty one, with what the user chose in its place."""
    from kseg.models import catalog
    from kseg.recipes import make_recipe, read_recipe

    if minutes and choices["epochs"]:
        raise click.UsageError("Give --epochs or --minutes, not both.")
    given = {key: value for key, value in choices.items() if value is not None}
    start = read_recipe(recipe) if recipe else make_recipe()
    if given.get("data", start.data) != start.data:
        start = start.with_(skipped=())
    try:
        wish = start.with_(**given)
        catalog.check_size(wish.arch, wish.size)
        catalog.check(wish.arch, **wish.encoder_options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not (wish.data == "shapes" or _is_tfds(wish.data) or Path(wish.data).exists()):
        raise click.BadParameter(
            f"'{wish.data}' is no folder, no list of pairs, and not the built-in data set shapes.",
            param_hint="--data",
        )
    return wish


def _is_tfds(data: str) -> bool:
    from kseg.data.sources.tfds import is_tfds

    return is_tfds(data)


def _as_files(
    console: "Console", wish: "Recipe", image_key: str, mask_key: str, download: bool
) -> "Recipe":
    """Write a data set of TensorFlow Datasets as files, if they are not there, and name them."""
    from kseg.cli.terminal import counting, print_facts
    from kseg.data.sources import tfds

    if not tfds.is_tfds(wish.data):
        return wish
    folder = tfds.default_folder(wish.data, image_key, mask_key)
    if not folder.exists():
        wanted = tfds.wanted(wish.data, image_key, mask_key)
        with counting(console, f"writing {wish.data} to {folder}", None) as on_pair:
            tfds.import_splits(
                wanted,
                folder,
                download=download,
                on_pair=on_pair,
                on_download=lambda text: print_facts(console, [("download", text)]),
            )
        print_facts(console, [("written", f"{wish.data} as files to {folder}")])
    return wish.with_(data=str(folder))


def _run_name(name: str | None, runs: Path, wish: "Recipe", overwrite: bool) -> str:
    """Return the run's name: the one that was given, if it is valid and free."""
    from kseg import artifacts

    if name is None:
        data = Path(wish.data).resolve()
        own = data.stem if data.is_file() else data.name
        return artifacts.free_name(runs, f"{wish.arch}-{own}")
    if not artifacts.valid_name(name):
        raise click.BadParameter(
            f"'{name}': expected letters, digits, dots, dashes and underscores.",
            param_hint="--name",
        )
    if (runs / name).exists() and not overwrite:
        raise click.BadParameter(
            f"{runs / name} exists. Choose another name, or give --overwrite to replace that run.",
            param_hint="--name",
        )
    return name


def _print_data(console: "Console", prepared: "Prepared") -> None:
    from kseg.cli.terminal import print_facts

    splits = prepared.splits
    print_facts(
        console,
        [
            (
                "data",
                f"{prepared.recipe.data}: {len(splits.train)} training and {len(splits.val)} "
                f"validation images, {len(splits.labels)} classes",
            ),
            *(("", note) for note in splits.notes),
            *(("skipped", text) for text in prepared.skipped.values()),
        ],
    )


def _print_recipe(console: "Console", recipe: "Recipe") -> None:
    from kseg.cli.terminal import print_facts

    height, width = recipe.size
    weights = recipe.class_weights
    weights = weights if isinstance(weights, str) else ", ".join(f"{w:g}" for w in weights)
    print_facts(
        console,
        [
            ("network", _network(recipe)),
            (
                "training",
                f"{recipe.epochs} epochs, batch {recipe.batch_size}, crops of {height}x{width}, "
                f"images up to {recipe.max_side}, augmentation {recipe.augment} (scale "
                f"{recipe.scale[0]:g} to {recipe.scale[1]:g})",
            ),
            (
                "",
                f"learning rate {recipe.learning_rate:g}, loss {recipe.loss}, "
                f"class weights {weights}, seed {recipe.seed}",
            ),
        ],
    )


def _network(recipe: "Recipe") -> str:
    """Describe the network in a line."""
    parts = [recipe.arch]
    if recipe.encoder:
        parts.append(f"encoder {recipe.encoder}")
    if recipe.weights != "none":
        parts.append(f"weights of {recipe.weights}, {recipe.frozen} of 5 stages frozen")
    if recipe.width:
        parts.append(f"width {recipe.width}")
    if recipe.heads:
        parts.append(f"{recipe.heads} heads")
    return ", ".join([*parts, recipe.precision])


def _print_run(console: "Console", run: "Run", prepared: "Prepared") -> None:
    from kseg.cli.terminal import print_facts, print_scores

    name = run.folder.name
    print_scores(console, run.evaluation, "val")
    print_facts(
        console,
        [
            ("waited", f"{run.waited:.1%} of the training for images"),
            ("run", f"{run.folder.path}, best epoch {run.best_epoch} of {run.epochs}"),
            ("next", f"kseg evaluate {name}"),
            ("", f"kseg predict --run {name} {_an_image(run.folder, prepared)}"),
        ],
    )


def _print_stop(
    console: "Console", stop: "Interrupted", prepared: "Prepared", overwrite: bool
) -> None:
    kept = (
        "is as it was"
        if overwrite and not stop.epochs
        else f"holds the best so far: kseg evaluate {stop.folder.name}"
    )
    done = f"Stopped after {stop.epochs} of {prepared.recipe.epochs} epochs"
    console.print(f"{done}; {stop.folder.path} {kept}", markup=False)


def _an_image(folder: "RunFolder", prepared: "Prepared") -> str:
    """Name an image to try the prediction with; `shapes` has none on the disk, so draw one."""
    from kseg.data.reading.files import write_image

    if prepared.recipe.data != "shapes":
        return "IMAGE..."
    path = folder.path / "sample.png"
    write_image(path, prepared.splits.val[0].image)
    return str(path)
