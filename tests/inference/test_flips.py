"""The mean of two answers, against one worked by hand."""

import numpy as np

from kseg.inference import with_flip


def test_the_answer_for_the_mirror_image_is_turned_back_and_averaged():
    """An engine that says of each pixel its brightness, plus 0.1 per column from the left."""

    def engine(images):
        assert images.flags.c_contiguous
        return images / 10 + 0.1 * np.arange(images.shape[2])[:, None]

    images = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    # In the mirror image the columns have 0.2, 0.1 and 0 more instead of 0, 0.1 and 0.2.
    np.testing.assert_allclose(with_flip(engine)(images).ravel(), [0.2, 0.3, 0.4])
