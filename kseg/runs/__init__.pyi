from .cross_validation import CrossValidation as CrossValidation
from .finding import open_run as open_run
from .recipe import Recipe as Recipe
from .recipe import make_recipe as make_recipe
from .recipe import read_recipe as read_recipe
from .recipe import write_recipe as write_recipe
from .run import Run as Run
