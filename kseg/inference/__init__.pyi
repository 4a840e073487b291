from .decision import decide as decide
from .engines import keras_engine as keras_engine
from .engines import load_model as load_model
from .flips import with_flip as with_flip
from .predictor import Predictor as Predictor
from .probabilities import Probabilities as Probabilities
