"""Learning-rate schedules."""

import keras


def cosine_with_warmup(
    peak: float, steps: int, warmup: float = 0.1
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Rise linearly to `peak`, then fall along half a cosine to 0.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).

    References:
        Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, Equation 5, without restarts;
        Goyal et al. 2017, https://arxiv.org/abs/1706.02677, Section 2.2, for the warm-up.
    """
    rising = max(1, round(steps * warmup))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 100,
        decay_steps=max(1, steps - rising),
        warmup_target=peak,
        warmup_steps=rising,
    )
