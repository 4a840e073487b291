"""Files on the disk: images, masks, which belong together, and what masks mean."""
