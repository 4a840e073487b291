from .attention import attention_picture as attention_picture
from .calibration import reliability_picture as reliability_picture
from .curves import training_curves as training_curves
from .graphs import network_picture as network_picture
from .matrices import confusion_picture as confusion_picture
from .overlays import comparison as comparison
from .overlays import overlay as overlay
from .tradeoffs import tradeoff_picture as tradeoff_picture
