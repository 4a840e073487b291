from .accumulators import Accumulator as Accumulator
from .accumulators import Borders as Borders
from .accumulators import CalibrationCounts as CalibrationCounts
from .accumulators import ConfusionCounts as ConfusionCounts
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
