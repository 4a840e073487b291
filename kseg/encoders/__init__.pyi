from .catalog import ENCODERS as ENCODERS
from .catalog import make_encoder as make_encoder
