"""Data sets of TensorFlow Datasets (TFDS), written once as files, which all else then reads.

Images keep the bytes that TFDS holds; masks become PNG, and `classes.json` says what they mean.
"""

import multiprocessing
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from kseg import _checks, _extras, _files
from kseg.errors import KsegError
from kseg.labels import Labels

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetBuilder

PATIENCE = 5
"""Seconds in which a server must answer."""
_TRIMAP = ("pet", "background", "border")


@dataclass(frozen=True)
class Wanted:
    """A data set of TFDS and how it is read.

    Attributes:
        name: As TFDS names it, with a configuration and a version where they matter.
        image_key: The feature that holds the images.
        mask_key: The feature that holds the masks.
        splits: "train", "val" and "test" in TFDS's language, such as "train[:80%]"; what is left
            out is TFDS's split of that name, if it has one.
        labels: The classes; `None` to work them out from the masks.
    """

    name: str
    image_key: str = "image"
    mask_key: str = "segmentation_mask"
    splits: dict[str, str] = field(default_factory=dict)
    labels: Labels | None = None

    def __post_init__(self) -> None:
        for name in self.splits:
            _checks.one_of(name, ("train", "val", "test"), "split")


def built_in() -> dict[str, Wanted]:
    """Return the data sets whose classes kseg knows, by the names that `data=` takes.

    Oxford-IIIT Pet (Parkhi et al. 2012) has a trimap of 1 pet, 2 background, 3 border.
    """
    three = Labels(_TRIMAP, values={1: 0, 2: 1, 3: 2})
    two = {1: 1, 2: 0}
    names = ("background", "pet")
    pets = "oxford_iiit_pet"
    return {
        pets: Wanted(pets, labels=three),
        f"{pets}:border-is-pet": Wanted(pets, labels=Labels(names, values={**two, 3: 1})),
        f"{pets}:border-is-void": Wanted(pets, labels=Labels(names, values={**two, 3: 255})),
    }


def wanted(data: str, image_key: str = "image", mask_key: str = "segmentation_mask") -> Wanted:
    """Return what `data=` names: one of `built_in`, or "tfds:" and a name.

    Raises:
        KsegError: It is neither.
    """
    if data.startswith("tfds:"):
        return Wanted(data.removeprefix("tfds:"), image_key, mask_key)
    if (image_key, mask_key) != ("image", "segmentation_mask"):
        raise KsegError(f"{data} has keys of its own. Leave image_key= and mask_key= out.")
    known = built_in()
    _checks.one_of(data, (*known, "tfds:NAME"), "data set of TFDS")
    return known[data]


NAMES = ("oxford_iiit_pet", "oxford_iiit_pet:border-is-pet", "oxford_iiit_pet:border-is-void")


def is_tfds(data: str) -> bool:
    """Tell whether `data=` names a data set of TFDS."""
    return data in NAMES or data.startswith("tfds:")


def import_splits(
    wanted: Wanted,
    out: Path,
    *,
    download: bool = False,
    data_dir: Path | None = None,
    on_pair: Callable[[], None] = lambda: None,
    on_download: Callable[[str], None] = lambda text: None,
) -> dict[str, int]:
    """Write a data set of TFDS as folders of images and masks.

    Args:
        wanted: The data set.
        out: The folder to write, which is not there yet.
        download: Whether TFDS may download it, if it is not on this machine.
        data_dir: Where TFDS keeps its data; by default its own folder.
        on_pair: Called after each pair.
        on_download: Called with what is downloaded, from where and how large, before it is.

    Returns:
        The number of pairs of each split.

    Raises:
        KsegError: TFDS is not installed, has no such data set, split or feature, or would have to
            download it; a feature holds no images, or no masks.
    """
    _files.check_absent(out)
    builder = _builder(wanted.name, data_dir)
    named = _check_features(builder, wanted)
    labels = wanted.labels or named
    _prepare(builder, wanted.name, on_download if download else None)
    splits = _splits(builder, wanted)
    counts = {}
    with _files.new_folder(out) as folder:
        for split, spelled in splits.items():
            counts[split] = 0
            for name, image, mask in _examples(builder, wanted, spelled):
                _write(folder / split, name, image, mask)
                counts[split] += 1
                on_pair()
        if labels is not None:
            _files.write_json(folder / "classes.json", labels.to_dict())
    return counts


def default_folder(
    data: str, image_key: str = "image", mask_key: str = "segmentation_mask"
) -> Path:
    """Return where the files of a data set are kept: beside TFDS's own."""
    is_any = data.startswith("tfds:")
    root = os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets"
    name = data.removeprefix("tfds:").replace("/", "-").replace(":", "-")
    return Path(root) / "kseg" / (f"{name}-{image_key}-{mask_key}" if is_any else name)


def _builder(name: str, data_dir: Path | None) -> "DatasetBuilder":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    module = _extras.require("tensorflow_datasets", "tensorflow-datasets", f"The data set {name}")
    try:
        return module.builder(name, data_dir=data_dir)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise KsegError(f"TFDS has no data set {name}: {reason}") from error


def _check_features(builder: "DatasetBuilder", wanted: Wanted) -> Labels | None:
    """Refuse features that hold no images or no masks; return the classes if the masks name them.

    Raises:
        KsegError: There is no such feature, or it is of another kind.
    """
    from tensorflow_datasets import features

    for key in (wanted.image_key, wanted.mask_key):
        _checks.one_of(key, list(builder.info.features), f"feature of {wanted.name}")
        feature = builder.info.features[key]
        is_tensor = type(feature) is features.Tensor and len(feature.shape) in (2, 3)
        is_whole = is_tensor and np.issubdtype(feature.np_dtype, np.integer)
        if not (isinstance(feature, features.Image) or is_whole):
            raise KsegError(
                f"The feature {key} of {wanted.name} is {feature}: expected images, or tensors of "
                "whole numbers (height, width). Name another by image_key= or mask_key=."
            )
    names = getattr(builder.info.features[wanted.mask_key], "names", None)
    return Labels(tuple(names)) if names and not names[0].isdigit() else None


def _prepare(
    builder: "DatasetBuilder", name: str, on_download: Callable[[str], None] | None
) -> None:
    """Let TFDS download a data set that is not there, if it may."""
    if builder.is_prepared():
        return
    size = builder.info.download_size or sum(
        (info.size for info in builder.url_infos.values() if info.size), start=0
    )
    size = f"{size / 2**20:,.0f} MiB" if size else "an unknown size"
    what = f"{size} from {builder.info.homepage or 'its source'} to {builder.data_dir}"
    if on_download is None:
        raise KsegError(f"{name} is not on this machine. Add download=True to fetch it: {what}.")
    on_download(f"{name}: {what}")
    _check_reach(name, builder.url_infos)
    try:
        builder.download_and_prepare()
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise KsegError(f"TFDS could not download {name}: {reason}") from error


def _check_reach(name: str, urls: Iterable[str]) -> None:
    """Refuse a download whose servers do not answer: TFDS would try again for minutes.

    Raises:
        KsegError: One cannot be reached.
    """
    first = {urlsplit(url).netloc: url for url in reversed(list(urls)) if url.startswith("http")}
    for host, url in first.items():
        with ThreadPool(1) as pool:
            said = pool.apply_async(_unreachable, (url,))
            try:
                reason = said.get(PATIENCE)
            except multiprocessing.TimeoutError:
                reason = f"no answer within {PATIENCE} seconds"
        if reason:
            raise KsegError(
                f"{name} cannot be downloaded: {host} cannot be reached ({reason}). Try again "
                "where there is a network; or copy TFDS's folder of it from another machine."
            )


def _unreachable(url: str) -> str:
    """Return why a server cannot be reached; "" if it answers, whatever it says."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return ""
    except OSError as error:
        return str(getattr(error, "reason", error))
    return ""


def _splits(builder: "DatasetBuilder", wanted: Wanted) -> dict[str, str]:
    """Return what is read of TFDS for each split of kseg's."""
    there = list(builder.info.splits)
    own = {"train": "train", "val": "validation", "test": "test"}
    found = {name: wanted.splits.get(name, spelled) for name, spelled in own.items()}
    found = {
        name: spelled
        for name, spelled in found.items()
        if name in wanted.splits or spelled in there
    }
    if "train" not in found:
        raise KsegError(
            f"{wanted.name} has no split named train. It has: {', '.join(there)}. Say by "
            "split= which of them train is."
        )
    return found


def _examples(
    builder: "DatasetBuilder", wanted: Wanted, split: str
) -> Iterator[tuple[str, bytes | np.ndarray, bytes | np.ndarray]]:
    """Yield name, image and mask of each example: files where TFDS holds files, else arrays."""
    import tensorflow_datasets as tfds

    keys = (wanted.image_key, wanted.mask_key)
    decoders = {
        key: tfds.decode.SkipDecoding()
        for key in keys
        if isinstance(builder.info.features[key], tfds.features.Image)
    }
    order = tfds.ReadConfig(interleave_cycle_length=1)
    try:
        examples = builder.as_dataset(
            split=split, decoders=decoders, shuffle_files=False, read_config=order
        )
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise KsegError(f"{wanted.name} has no split '{split}': {reason}") from error
    for number, example in enumerate(tfds.as_numpy(examples)):
        yield f"{number:06d}", example[keys[0]], example[keys[1]]


def _write(folder: Path, name: str, image: Any, mask: Any) -> None:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    if isinstance(image, bytes):
        suffix = "png" if image.startswith(b"\x89PNG") else "jpg"
        (folder / "images" / f"{name}.{suffix}").write_bytes(image)
    else:
        Image.fromarray(_flat(image)).save(folder / "images" / f"{name}.png")
    path = folder / "masks" / f"{name}.png"
    if isinstance(mask, bytes):
        path.write_bytes(mask)
    else:
        Image.fromarray(_flat(mask)).save(path)


def _flat(pixels: np.ndarray) -> np.ndarray:
    """Drop a last axis of one, and bring class indices to 8 or 16 bits.

    Raises:
        KsegError: A value is below 0 or above 65535.
    """
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    if pixels.min(initial=0) < 0 or pixels.max(initial=0) > 65535:
        raise KsegError(
            f"Masks must hold values in 0..65535. Received: {pixels.min()} to {pixels.max()}."
        )
    return pixels.astype(np.uint8 if pixels.max(initial=0) < 256 else np.uint16)
