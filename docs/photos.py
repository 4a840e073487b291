"""Draw docs/photos.jpg: photos that no training saw, and the masks that two runs give them.

    python docs/photos.py STREETS PETS

STREETS is a run of `kseg train --data camvid`, PETS one of `kseg train --data pets`. The photos
come with scikit-image (Chelsea, by Stefan van der Walt, CC0) and scikit-learn (a pagoda, by Daniel
Buechele, CC BY 2.0).
"""

import sys
from importlib.resources import files

import numpy as np
from PIL import Image

import kseg
from kseg.plots import Look

WIDTH = 640


def drawn(run: str, photo: Image.Image) -> Image.Image:
    """Return a photo beside its overlay, whose legend leaves out what is hardly there."""
    photo = photo.convert("RGB").resize((WIDTH, round(WIDTH * photo.height / photo.width)))
    opened = kseg.open_run(run)
    (found,) = kseg.predict(opened, np.asarray(photo), engine="keras")
    areas = {name: share for name, share in found.areas.items() if share >= 0.01}
    overlay = Look()(np.asarray(photo), found.mask, opened.labels, areas)
    pair = Image.new("RGB", (2 * WIDTH + 8, len(overlay)), "white")
    pair.paste(photo, (0, 0))
    pair.paste(Image.fromarray(overlay), (WIDTH + 8, 0))
    return pair


streets, pets = sys.argv[1:]
pairs = [
    drawn(pets, Image.open(str(files("skimage") / "data/chelsea.png"))),
    drawn(streets, Image.open(str(files("sklearn") / "datasets/images/china.jpg"))),
]
sheet = Image.new("RGB", (pairs[0].width, sum(pair.height for pair in pairs)), "white")
top = 0
for pair in pairs:
    sheet.paste(pair, (0, top))
    top += pair.height
sheet.save("docs/photos.jpg", quality=88)
