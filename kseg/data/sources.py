"""What `--data` names: a built-in data set or a folder of the user's, as three splits."""

from dataclasses import dataclass
from pathlib import Path

from kseg.data.folders import FolderSamples, find_labels, has_split
from kseg.data.samples import Samples, split
from kseg.data.shapes import LABELS, ShapesSamples
from kseg.labels import Labels, read_labels


@dataclass(frozen=True)
class Splits:
    """A data set to train on.

    Attributes:
        labels: The classes.
        train: Samples to learn from.
        val: Samples to choose the best epoch by.
        notes: Sentences on what was decided while opening.
    """

    labels: Labels
    train: Samples
    val: Samples
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """What `--data` names, and how it is read; its splits are opened one by one.

    Attributes:
        data: "shapes", or the path of a folder with `train/` and, if there are any, `val/` and
            `test/`, each with `images/` and `masks/`.
        size: `(height, width)` of the images of `shapes`.
        max_side: Larger images of a folder are made smaller on reading; `None` for full size.
        val_fraction: Part of `train` that is split off where a folder has no `val`.
        seed: Seed of `shapes` and of the split.

    Raises:
        ValueError: There is neither such a folder nor such a built-in data set.
    """

    data: str
    size: tuple[int, int] | None = None
    max_side: int | None = None
    val_fraction: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.data != "shapes" and not self.folder.is_dir():
            raise ValueError(
                f"{self.data} is neither a folder nor a built-in data set (shapes). Give a folder "
                "that holds train/images and train/masks by --data."
            )

    @property
    def folder(self) -> Path:
        """The folder, where the data set is one."""
        return Path(self.data)

    @property
    def best_test(self) -> str:
        """The split for a final score: "test" where there is one, else "val"."""
        return "test" if self.data == "shapes" or has_split(self.folder, "test") else "val"

    def open(self) -> Splits:
        """Open the splits to train on, the classes found out.

        Raises:
            ValueError: The folder is not of the form, or its classes cannot be told.
        """
        if self.data == "shapes":
            return Splits(LABELS, self.split("train", LABELS), self.split("val", LABELS))
        labels, note = find_labels(self.folder)
        train, val = self.split("train", labels), self.split("val", labels)
        notes = [note]
        if not has_split(self.folder, "val"):
            notes.append(f"no val folder: {len(val)} of the training images, chosen by seed, serve")
        return Splits(labels, train, val, tuple(notes))

    def labels(self, expected: Labels) -> Labels:
        """Return what this data set's masks mean to a run of the classes `expected`.

        Raises:
            ValueError: Its `classes.json` names other classes.
        """
        path = self.folder / "classes.json"
        if self.data == "shapes" or not path.exists():
            return expected
        labels = read_labels(path)
        if labels.names != expected.names:
            raise ValueError(
                f"{path} names the classes {', '.join(labels.names)}; the run was trained on "
                f"{', '.join(expected.names)}. Give a data set with the run's classes by --data."
            )
        return labels

    def split(self, name: str, labels: Labels) -> Samples:
        """Open one split, its classes known.

        Raises:
            ValueError: There is no such split, or it is not of the form.
        """
        if self.data == "shapes":
            return ShapesSamples(name, size=self.size, seed=self.seed)
        if name == "test" or has_split(self.folder, "val"):
            return FolderSamples(self.folder, name, labels, self.max_side)
        train = FolderSamples(self.folder, "train", labels, self.max_side)
        train, val = split(train, self.val_fraction, self.seed)
        return {"train": train, "val": val}[name]
