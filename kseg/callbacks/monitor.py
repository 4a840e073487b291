"""What is monitored over the epochs, turned so that more is better."""

import math
from collections.abc import Mapping


def merit(monitor: str, value: float) -> float:
    """Return how good the value of a log is: the more the better.

    Args:
        monitor: The log, such as "val_mean_iou"; of one whose name ends in "loss", less is better.
        value: Its value; one that is not finite is as bad as can be, minus infinity.
    """
    if not math.isfinite(value):
        return -math.inf
    return -value if monitor.endswith("loss") else value


def monitored(monitor: str, logs: Mapping[str, float] | None) -> float | None:
    """Return how good an epoch is by one of its logs; `None` where it was not validated."""
    if logs is None or monitor not in logs:
        return None
    return merit(monitor, float(logs[monitor]))


class Record:
    """The best epoch so far, and how long ago it was.

    Attributes:
        epoch: The best epoch, from 1; 0 before the first.
        merit: How good it was.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.merit = -math.inf

    def is_beaten(self, epoch: int, merit: float) -> bool:
        """Tell whether an epoch, from 1, is the best so far, and note it if it is."""
        if merit <= self.merit:
            return False
        self.epoch, self.merit = epoch, merit
        return True

    def get_state(self) -> dict[str, float]:
        """Return what a resumed training needs."""
        return {"epoch": self.epoch, "merit": self.merit}

    def set_state(self, state: Mapping[str, float]) -> None:
        """Go on from there."""
        self.epoch, self.merit = int(state["epoch"]), state["merit"]
