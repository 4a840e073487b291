"""`kseg.export`: a run's network for other programs, checked against the run's own answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kseg import _files
from kseg.data.resizing import resized_image, shown_size
from kseg.errors import KsegError
from kseg.models import catalog
from kseg.runs.finding import open_run
from kseg.runs.run import Run

if TYPE_CHECKING:
    from kseg.inference.serving import Serving


@dataclass(frozen=True)
class Export:
    """A network that was written for other programs.

    Attributes:
        path: What was written, a file or a folder.
        classes: File with the names and colours of the classes, beside it.
        sizes: `(height, width)` of the images that it was checked on.
        is_real: Whether they are of the run's data; noise where that is not there.
        difference: The largest difference of a probability from what the run's network says; of
            class maps 0 or 1.
        agreement: The part of the pixels, in [0, 1], of the same class.
    """

    path: Path
    classes: Path
    sizes: tuple[tuple[int, int], ...]
    is_real: bool
    difference: float
    agreement: float


def export(
    run: Run | str | Path | None = None,
    *,
    format: Literal["saved_model", "onnx", "openvino", "litert"] = "saved_model",
    out: str | Path | None = None,
    output: Literal["classes", "probabilities"] = "classes",
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    runs: str | Path = "saved_models",
) -> Export:
    """Write a run's network in a format that other programs run, without kseg or Keras.

    It takes raw pixels, uint8 `(n, height, width, channels)`, of any size, scales and pads them
    inside, and gives classes, uint8 `(n, height, width)`, or the probability of each, float32
    `(n, height, width, classes)`. It shows the network images at their size: make them so large as
    the run was trained on (`run.recipe.input.max_side`), or give `size`.

    What was written is run on two images of the run's data, of two sizes, and held against what the
    run's network says of them.

    Args:
        run: A run, its name or its path; by default the newest.
        format: "saved_model" and "litert" (both by TensorFlow), "onnx", or "openvino".
        out: Folder for it; by default one in the run's, named as the format.
        output: "classes" or "probabilities".
        size: `(height, width)` at which the network is always shown images: they are resized to it
            inside, and the answer is brought back. `None` shows them as they are.
        overwrite: Whether to replace the folder, if it holds what this wrote before.
        runs: Folder that holds the runs.

    Raises:
        KsegError: There is no such run, the format takes what is not installed, or the folder is
            there.
        OSError: It cannot be written.

    Example:
        >>> found = kseg.export("unetpp-my_data", format="saved_model")
        >>> found.path.as_posix(), found.agreement
        ('saved_models/unetpp-my_data/saved_model/model', 1.0)
    """
    from kseg.inference import load_model, serving

    serving.check_format(format)
    opened = open_run(run, runs)
    folder = Path(out) if out is not None else opened.path / format
    _check_replaceable(folder, overwrite)
    network, settings = load_model(opened.model_file), opened.recipe.model
    stride = catalog.stride(settings) if size is None else catalog.step(settings)
    expected = serving.Serving(network, stride, output, size, opened.temperature)
    images, is_real = _images(opened)
    with _files.new_folder(folder, replace=overwrite) as unfinished:
        written = _written(expected, unfinished, format, folder)
        _files.write_json(unfinished / "classes.json", opened.labels.to_dict())
        ask = serving.opened(written, format)
        answers = [(np.asarray(expected(image)), ask(image)) for image in images]
    return Export(
        folder / written.name,
        folder / "classes.json",
        tuple((image.shape[1], image.shape[2]) for image in images),
        is_real,
        max(float(np.abs(one.astype(float) - other).max()) for one, other in answers),
        _agreement(answers, output),
    )


def _written(serving: "Serving", unfinished: Path, format: str, folder: Path) -> Path:
    """Write a network into an unfinished folder; return the file.

    Raises:
        KsegError: It cannot be written into what becomes `folder`.
        OSError: The same, where the system says why.
    """
    from kseg.inference.serving import export

    try:
        return export(serving, unfinished, format)
    except (KsegError, OSError):
        raise
    except Exception as error:  # converters have errors of their own for a disk that is full
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise KsegError(f"{folder} cannot be written: {reason}. Is there room?") from error


def _check_replaceable(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that is there, unless it may be replaced and holds an export alone.

    Raises:
        KsegError: It is there, or holds other files.
    """
    from kseg.inference.serving import FORMATS

    if not overwrite:
        if folder.exists():
            raise KsegError(
                f"{folder} is there already. Choose another out=, or replace what was exported "
                "before by overwrite=True."
            )
        return
    known = {"classes.json", "model.bin", *(chosen.file for chosen in FORMATS.values())}
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise KsegError(f"{folder} is no folder. Give another out=.")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if there - known:
        raise KsegError(
            f"{folder} holds other files than an export, such as {min(there - known)}: it is not "
            "replaced. Give another out=."
        )


def _images(run: Run) -> tuple[list[np.ndarray], bool]:
    """Return two images of different sizes, `(1, H, W, C)`, and whether they are of the run's data.

    They are as large as the network was shown them, and no multiples of its stride.
    """
    shown = run.recipe.input
    try:
        image = run.source().split("val", run.labels)[0].image
        is_real = True
    except (KsegError, OSError):
        channels = run.recipe.data.channels
        image = np.random.default_rng(0).integers(0, 256, (97, 131, channels), np.uint8)
        is_real = False
    image = resized_image(image, shown_size(image.shape[:2], shown.max_side, shown.resize))
    height, width = (side - 1 + side % 2 for side in image.shape[:2])
    part = image[: 2 * height // 3 | 1, : width // 2 | 1]
    return [np.ascontiguousarray(one[None]) for one in (image[:height, :width], part)], is_real


def _agreement(answers: list[tuple[np.ndarray, np.ndarray]], output: str) -> float:
    """Return the part of all pixels of which both say the same class."""
    if output == "probabilities":
        answers = [(one.argmax(axis=-1), other.argmax(axis=-1)) for one, other in answers]
    same = sum(int((one == other).sum()) for one, other in answers)
    return same / sum(one.size for one, _ in answers)
