"""How samples are changed at random before they are learned from."""
