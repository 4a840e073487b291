from .crossentropy import CrossEntropy as CrossEntropy
