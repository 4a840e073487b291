"""Has the site print the examples of docstrings as code: its reader knows them as "Examples"."""

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Renames the section, and leaves the rest as it stands."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Look at an object that was read."""
        if obj.docstring is not None:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = text
