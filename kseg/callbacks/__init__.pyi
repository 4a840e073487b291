from .average import WeightAverage as WeightAverage
from .checkpoint import Checkpoint as Checkpoint
from .history import HistoryFile as HistoryFile
from .progress import Progress as Progress
