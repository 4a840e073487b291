from .scores import Scores as Scores
from .streaming import MeanIoU as MeanIoU
from .streaming import PixelAccuracy as PixelAccuracy
