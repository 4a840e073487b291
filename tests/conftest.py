"""Small data sets and runs that tests share."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# JAX would compile the same network anew for each test, which is most of the time it takes.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache/jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import json
import signal

import numpy as np
import pytest
from PIL import Image

# A shell has what it starts in the background ignore Ctrl-C; the tests mean it.
signal.signal(signal.SIGINT, signal.default_int_handler)

CAMVID = Path(__file__).resolve().parents[2] / "shared" / "data" / "camvid"


@pytest.fixture
def camvid() -> Path:
    if not CAMVID.is_dir():
        pytest.skip(f"the CamVid images are not at {CAMVID}")
    return CAMVID


def draw_pair(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A dark image with one bright rectangle, and its mask of 0 and 1."""
    height, width = size
    mask = np.zeros(size, np.uint8)
    top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
    mask[top : top + height // 2, left : left + width // 2] = 1
    image = np.where(mask[..., None] == 1, 200, 50) + rng.integers(-20, 20, (*size, 3))
    return image.astype(np.uint8), mask


def write_split(folder: Path, count: int, size: tuple[int, int] = (40, 48), seed: int = 0) -> None:
    """Write `images/*.png` and `masks/*.png` of rectangles."""
    rng = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for index in range(count):
        image, mask = draw_pair(rng, size)
        Image.fromarray(image).save(folder / "images" / f"{index}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{index}.png")


def write_data(root: Path) -> Path:
    """Write train, val and test splits of rectangles, and a classes.json."""
    for seed, (split, count) in enumerate({"train": 6, "val": 3, "test": 2}.items()):
        write_split(root / split, count, seed=seed)
    (root / "classes.json").write_text(json.dumps({"classes": ["ground", "box"]}))
    return root


@pytest.fixture
def rectangles(tmp_path: Path) -> Path:
    """A folder with train, val and test splits of rectangles, and a classes.json."""
    return write_data(tmp_path / "rectangles")
