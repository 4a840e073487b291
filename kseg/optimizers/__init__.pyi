from .catalog import make_optimizer as make_optimizer
from .muon import Muon as Muon
from .rates import TwoRates as TwoRates
from .settings import Optimizer as Optimizer
