from .choosing import engine_named as engine_named
from .engine import Engine as Engine
from .keras_model import dropout_engine as dropout_engine
from .keras_model import keras_engine as keras_engine
from .keras_model import load_model as load_model
