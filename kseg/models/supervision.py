"""Deep supervision: every head of a network learns from the one mask, and the last is the answer.

model = build_unetpp((256, 256, 3), 8)                 # four heads: x0_1, x0_2, x0_3, x0_4
model = supervise(build_unet((256, 256, 3), 8))        # side heads on any decoder
model.compile("adam", CrossEntropy(), metrics=[MeanIoU(8)])
model.fit(images, masks)                               # loss, x0_1 ... x0_4, mean_iou
model.predict(images)                                  # the final head alone
model(images)                                          # all heads, by name
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from kseg import _checks
from kseg.errors import KsegError
from kseg.losses.base import replicas
from kseg.models import heads, names

Weights = str | Sequence[float]


def normalized(weights: Weights, count: int) -> tuple[float, ...]:
    """Return the part of each head in the loss; the parts sum to 1.

    Args:
        weights: "equal"; "half", where each head weighs half of the one after it, the final head
            most; or one number per head, the final head last.
        count: Number of heads.

    Raises:
        KsegError: The name is unknown, or the numbers are too few, too many, negative or all 0.
    """
    if isinstance(weights, str):
        base = {"equal": 1.0, "half": 2.0}[
            _checks.one_of(weights, ("equal", "half"), "head_weights")
        ]
        parts = tuple(base**index for index in range(count))
    else:
        parts = _checks.weights(weights, "head_weights", "head")
        _checks.same_length(parts, range(count), "head_weights", "the heads")
    return tuple(float(part) for part in np.divide(parts, sum(parts)))


class DeeplySupervised(keras.Model):
    """A network of several heads that trains and predicts like a network of one.

    `fit` and `evaluate` take the one integer mask, with sample weights if there are any. The loss
    is the weighted mean of the heads' losses; each is logged under its head's name. Metrics see the
    final head, and so does who calls `predict`; calling the model gives a dictionary of all heads.
    `save` and `export` write the final head as a plain `keras.Model`, which opens without kseg;
    `save_weights` keeps all heads.

    Args:
        image: The model's input.
        outputs: Float32 `(batch, height, width, classes)` by the head's name; the final head last.
        weights: "equal"; "half", each head half of the next; or one number per head, final last.
        name: Name of the model.

    Attributes:
        head_names: The names, the final head last.
        head_weights: The part of each head in the loss; they sum to 1.

    Example:
        >>> image = keras.Input((32, 32, 3))
        >>> heads = {name: keras.layers.Conv2D(2, 1, activation="softmax")(image) for name in "ab"}
        >>> model = kseg.models.DeeplySupervised(image, heads, weights="half")
        >>> dict(zip(model.head_names, model.head_weights))
        {'a': 0.333..., 'b': 0.666...}
        >>> model.predict(np.zeros((1, 32, 32, 3)), verbose=0).shape  # of the final head alone
        (1, 32, 32, 2)

    References:
        Lee, Xie, Gallagher, Zhang and Tu 2015, https://arxiv.org/abs/1409.5185.
    """

    def __init__(
        self,
        image: KerasTensor,
        outputs: dict[str, KerasTensor],
        *,
        weights: Weights = "equal",
        name: str | None = None,
    ) -> None:
        super().__init__(inputs=image, outputs=outputs, name=name)
        self.head_names = tuple(outputs)
        self.head_weights = normalized(weights, len(outputs))
        # Losses and metrics are compiled for the one output that `compute_loss` hands them.
        self.output_names = [self.head_names[-1]]
        self._trackers = [keras.metrics.Mean(name) for name in self.head_names]

    @property
    def final(self) -> keras.Model:
        """The final head as a plain model that shares this one's weights."""
        return self.head(self.head_names[-1])

    @property
    def all_heads(self) -> keras.Model:
        """All heads as a plain model from images to a dictionary, for `prune` at another time."""
        return keras.Model(self.input, self.output, name=self.name)

    def head(self, name: str) -> keras.Model:
        """Return a head as a plain model that shares this one's weights.

        Raises:
            KsegError: There is no head of that name.
        """
        _checks.one_of(name, self.head_names, "head")
        return keras.Model(self.input, self.output[name], name=self.name)

    def compute_loss(
        self,
        x: KerasTensor,
        y: KerasTensor,
        y_pred: dict[str, KerasTensor],
        sample_weight: KerasTensor | None = None,
        training: bool = True,
    ) -> KerasTensor:
        """Return the weighted mean of the heads' losses."""
        total = 0.0
        for name, weight, tracker in zip(
            self.head_names, self.head_weights, self._trackers, strict=True
        ):
            loss = super().compute_loss(x, y, y_pred[name], sample_weight, training)
            tracker.update_state(loss * replicas(), sample_weight=ops.shape(y)[0])
            total = total + weight * loss
        return total

    def compute_metrics(
        self,
        x: KerasTensor,
        y: KerasTensor,
        y_pred: dict[str, KerasTensor],
        sample_weight: KerasTensor | None = None,
    ) -> dict[str, KerasTensor]:
        """Update the metrics with the final head."""
        return super().compute_metrics(x, y, y_pred[self.head_names[-1]], sample_weight)

    def predict_step(self, *args: Any) -> Any:
        """Return the final head's output; on JAX, beside the state."""
        result = super().predict_step(*args)
        if isinstance(result, tuple):
            outputs, *state = result
            return outputs[self.head_names[-1]], *state
        return result[self.head_names[-1]]

    def save(self, filepath: str, **options: Any) -> None:
        """Save the final head as a plain model."""
        self.final.save(filepath, **options)

    def export(self, filepath: str, **options: Any) -> None:
        """Export the final head."""
        self.final.export(filepath, **options)


def with_heads(
    image: KerasTensor,
    outputs: dict[str, KerasTensor],
    weights: Weights,
    name: str,
) -> keras.Model:
    """Return a plain model where there is one head, a deeply supervised one where there are more.

    Args:
        image: The model's input.
        outputs: Output by the head's name; the final head last.
        weights: Weights of the heads in the loss, where there are several.
        name: Name of the model.
    """
    if len(outputs) == 1:
        return keras.Model(image, *outputs.values(), name=name)
    return DeeplySupervised(image, outputs, weights=weights, name=name)


def supervise(
    model: keras.Model, at: int | Sequence[str] | None = None, *, weights: Weights = "equal"
) -> DeeplySupervised:
    """Add side heads to the decoder of a network.

    A side head is a 1x1 convolution to the classes, doubled bilinearly to the size of the image.

    Args:
        model: A plain model of one of kseg's builders.
        at: Where: parts of the decoder by their names, such as "decoder_3", bottom to top; or the
            number of heads, the final one included; `None` for all parts of the decoder.
        weights: "equal"; "half", each head half of the next; or one number per head, final last.

    Returns:
        The deeply supervised model, its weights shared with `model`.

    Raises:
        KsegError: There is no such part, or the model is deeply supervised already.

    Example:
        >>> model = kseg.build_unet((64, 64, 3), 8, filters=(8, 16, 32, 64))
        >>> model = kseg.supervise(model, ["decoder_3", "decoder_2"])
        >>> model.head_names
        ('decoder_3', 'decoder_2', 'final')

    References:
        Lee, Xie, Gallagher, Zhang and Tu 2015, https://arxiv.org/abs/1409.5185; the heads of Zhu et
        al. 2017, https://arxiv.org/abs/1701.07274, Figure 1.
    """
    if isinstance(model, DeeplySupervised):
        raise KsegError(
            f"The model is deeply supervised already, by {', '.join(model.head_names)}. Build it "
            "with heads=1 to choose other side heads."
        )
    parts = _decoder_parts(model)
    chosen = _chosen(parts, at)
    normalized(weights, len(chosen) + 1)
    num_classes, answer = model.output.shape[-1], model.layers[-1]
    is_probability = names.gives_probabilities(answer.name)
    activation = answer.get_config()["activation"] if is_probability else None
    outputs = {
        name: heads.segmentation_output(
            parts[name],
            model.input,
            num_classes,
            activation,
            doublings=_doublings(model, parts[name]),
            name=name,
        )
        for name in chosen
    }
    return DeeplySupervised(
        model.input, {**outputs, "final": model.output}, weights=weights, name=model.name
    )


def _decoder_parts(model: keras.Model) -> dict[str, KerasTensor]:
    """Find the last features of each part of the decoder before the final one, in order."""
    parts = {}
    for layer in model.layers:
        part = names.decoder_part(layer.name)
        if part is not None:
            parts[part] = layer.output
    return {name: parts[name] for name in names.heads_of(parts)[:-1]}


def _chosen(parts: dict[str, KerasTensor], at: int | Sequence[str] | None) -> list[str]:
    known = list(parts)
    if not known:
        raise KsegError(
            "The model has no decoder of several parts (layers named decoder_1, decoder_2, ...), "
            "so there is nowhere to add side heads."
        )
    if at is None:
        return known
    if isinstance(at, int):
        if not 2 <= at <= len(known) + 1:
            raise KsegError(
                f"The number of heads must be from 2 to {len(known) + 1}, the final one included. "
                f"Received: {at}."
            )
        return known[len(known) + 1 - at :]
    for name in at:
        _checks.one_of(name, known, "part of the decoder")
    return [name for name in known if name in at]


def _doublings(model: keras.Model, part: KerasTensor) -> int:
    """Tell how often features must be doubled to reach the padded size of the image."""
    pads = [layer for layer in model.layers if layer.name == names.PAD]
    full = (pads[0].output if pads else model.input).shape
    if None in full[1:3]:
        full = (1, 1024, 1024, model.input.shape[-1])
        part_shape = keras.Model(model.input, part).compute_output_shape(full)
    else:
        part_shape = part.shape
    return round(math.log2(full[1] / part_shape[1]))
