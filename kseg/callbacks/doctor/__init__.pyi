from .diagnosis import Diagnosis as Diagnosis
from .findings import Finding as Finding
from .findings import Findings as Findings
from .recovery import Recovery as Recovery
