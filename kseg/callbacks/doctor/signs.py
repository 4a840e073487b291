"""By what a sick training is recognised: functions of what is known after each epoch.

Each takes the epochs so far and returns cause and mend in words, or nothing. They look at what a
healthy training of any network and data shows, in parts and ratios, never in seconds or steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Found = tuple[str, str] | None
"""Cause and mend, or nothing."""

EARLY = 1 / 3
"""Before this part of a training much looks wrong that is not."""
ALL = 0.999
"""Part of the pixels that is as good as all."""
HARDLY = 0.01
"""Predicted pixels of a class that are a smaller part of those in the masks are hardly any."""
HIGHER = 1.5
"""A loss of so many times that of the first step has risen."""
FELL = 0.02
"""A loss that fell by a smaller part has not fallen."""
MOVED = 1e-3
"""Weights that changed by a smaller part of themselves have not moved."""
APART = 2.0
"""A loss in inference of so many times that in training is another network's."""
MATTERS = 0.05
"""If it is higher by such a part of the first loss: what has learned all has tiny losses."""
WORSE, LEARNED, LOST = 1.25, 0.8, 0.02
"""Overfitting: validation loss so many times its best, training loss such a part of what it was
then, and so much of the score lost."""
WAITED = 0.2
"""Part of an epoch that may be spent waiting for images."""
GREW, EPOCHS_OF_GROWTH = 1.25, 5
"""Memory that grew in each of so many epochs, so many times in all."""


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch; `None` where it was not validated, or is not told.

    Attributes:
        number: From 1.
        done: Part of the training that is done, in (0, 1].
        loss: Mean of the loss over the steps.
        first_loss: Loss of the first step of the training.
        moved: How far the kernel that moved most is from where it began, as a part of its norm.
        val_loss: Loss on the validation split.
        score: What is monitored on the validation split, the more the better.
        truth: Valid pixels of each class in the validation masks.
        predicted: Valid pixels predicted as each class.
        in_training: Loss of a batch of training images with the batch's own statistics.
        in_inference: Loss of the same batch with the running statistics.
        waited: Part of the time in which the network waited for images.
        memory: The most memory so far, MiB.
    """

    number: int
    done: float
    loss: float
    first_loss: float
    moved: float
    val_loss: float | None = None
    score: float | None = None
    truth: Sequence[int] | None = None
    predicted: Sequence[int] | None = None
    in_training: float | None = None
    in_inference: float | None = None
    waited: float | None = None
    memory: float | None = None


def collapsed(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """All pixels are predicted as one class, though the masks hold others."""
    last = epochs[-1]
    if _is_early(epochs) or not last.truth or not last.predicted:
        return None
    pixels = sum(last.truth)
    most = max(range(len(last.predicted)), key=last.predicted.__getitem__)
    if last.predicted[most] < ALL * pixels or last.truth[most] >= ALL * pixels:
        return None
    share = last.truth[most] / pixels
    if share > 0.9:
        mend = (
            "The class has nearly all pixels: weigh the classes (class_weights=enet), or take a "
            "loss of regions (loss=ce+dice), and crops of the rare ones (crop=rare)."
        )
    else:
        mend = (
            "Take a lower learning_rate=, and see whether masks lie on their images: kseg data "
            "check, kseg data show."
        )
    return (
        f"nearly every pixel is predicted as {names[most]}, which has {share:.0%} of the masks.",
        mend,
    )


def never_predicted(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """Classes that the validation masks hold have hardly been predicted in any epoch."""
    last = epochs[-1]
    if _is_early(epochs) or not last.truth or collapsed(epochs, names):
        return None
    seen = [epoch.predicted for epoch in epochs if epoch.predicted]
    missing = [
        names[index]
        for index, pixels in enumerate(last.truth)
        if max(counts[index] for counts in seen) < HARDLY * pixels
    ]
    if not missing:
        return None
    return (
        f"hardly a pixel was predicted as {', '.join(missing)} so far, though the masks hold them.",
        "Show more of the rare ones (crop=rare), let the network see larger images (max_side=), "
        "train longer, or weigh the classes (class_weights=enet), where they are not weighed yet.",
    )


def rate_too_high(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """The loss is higher than before the first step."""
    last = epochs[-1]
    if last.loss <= HIGHER * last.first_loss:
        return None
    return (
        f"the loss has risen from {last.first_loss:.3g} in the first step to {last.loss:.3g}: the "
        "learning rate is far too high.",
        "Take a tenth of it by learning_rate=; kseg train --find-lr finds one.",
    )


def rate_too_low(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """Neither the loss nor the weights have moved."""
    last = epochs[-1]
    has_moved = last.moved >= MOVED or last.loss <= (1 - FELL) * epochs[0].loss
    if last.done < EARLY or last.number < 3 or has_moved:
        return None
    return (
        f"the loss is still {last.loss:.3g}, and no kernel has changed by more than "
        f"{last.moved:.1g} of itself: the learning rate is far too low.",
        "Take a hundred times as much by learning_rate=; kseg train --find-lr finds one.",
    )


def running_statistics(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """The network is another one in inference than in training, on the very images it learned.

    At two looks in succession: at the peak of the learning rate the statistics lag, and catch up.
    """
    last = epochs[-1]
    looks = [
        (epoch.in_training, epoch.in_inference)
        for epoch in epochs
        if epoch.in_training is not None and epoch.in_inference is not None
    ]
    if last.done < EARLY or last.in_training is None or last.in_inference is None:
        return None
    matters = MATTERS * last.first_loss
    if len(looks) < 2 or any(later <= max(APART * own, own + matters) for own, later in looks[-2:]):
        return None
    return (
        f"the same training images have a loss of {last.in_training:.3g} in training and of "
        f"{last.in_inference:.3g} in validation: the running statistics of batch normalisation "
        "are not those of the batches.",
        "Take a larger batch_size=, train for more steps, or normalise by groups "
        "(block=double_convolution(normalization=group)).",
    )


def overfitting(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """Training goes on to get better while validation gets worse."""
    known = [epoch for epoch in epochs if epoch.val_loss is not None and epoch.score is not None]
    if len(known) < 3 or known[-1] is not epochs[-1]:
        return None
    last = known[-1]
    best = min(known, key=lambda epoch: epoch.val_loss or 0.0)
    peak = max(epoch.score or 0.0 for epoch in known)
    is_worse = (last.val_loss or 0.0) > WORSE * (best.val_loss or 0.0)
    has_learned = last.loss < LEARNED * best.loss
    if not (is_worse and has_learned and (last.score or 0.0) < peak - LOST):
        return None
    return (
        f"since epoch {best.number} the training loss has fallen from {best.loss:.3g} to "
        f"{last.loss:.3g}, and the validation loss has risen from {best.val_loss:.3g} to "
        f"{last.val_loss:.3g}: the network learns the training images by heart.",
        "The best epoch is kept. More images, a stronger augment=, a narrower width= or fewer "
        "epochs= help; patience= ends such a training.",
    )


def starved(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """The network waits for images."""
    last = epochs[-1]
    # The first epoch starts the threads.
    if last.number < 2 or last.waited is None or last.waited <= WAITED:
        return None
    return (
        f"the network waited for images in {last.waited:.0%} of the epoch.",
        "Keep them at hand (cache=memory, or cache=disk), make the files smaller "
        "(kseg data convert), or take a simpler augment=.",
    )


def growing_memory(epochs: Sequence[Epoch], names: Sequence[str]) -> Found:
    """The memory has grown in every one of the last epochs."""
    used = [epoch.memory for epoch in epochs[-1 - EPOCHS_OF_GROWTH :] if epoch.memory is not None]
    rises = [after > before for before, after in zip(used, used[1:], strict=False)]
    if len(rises) < EPOCHS_OF_GROWTH or not all(rises) or used[-1] <= GREW * used[0]:
        return None
    return (
        f"the memory has grown in each of the last {EPOCHS_OF_GROWTH} epochs, from {used[0]:.0f} "
        f"to {used[-1]:.0f} MiB.",
        "Look for what keeps arrays from epoch to epoch, such as a callback or an augmentation of "
        "your own; cache=none keeps no images.",
    )


Sign = Callable[[Sequence[Epoch], Sequence[str]], Found]
SIGNS: Mapping[str, Sign] = {
    "collapsed": collapsed,
    "growing memory": growing_memory,
    "never predicted": never_predicted,
    "overfitting": overfitting,
    "rate too high": rate_too_high,
    "rate too low": rate_too_low,
    "running statistics": running_statistics,
    "starved": starved,
}


def _is_early(epochs: Sequence[Epoch]) -> bool:
    """Tell whether it is too early to judge a prediction: not at the end, nor after two looks."""
    looks = [epoch for epoch in epochs if epoch.done >= EARLY and epoch.predicted]
    return epochs[-1].done < 1 and len(looks) < 2
