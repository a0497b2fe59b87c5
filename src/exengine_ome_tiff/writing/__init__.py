"""Taking frames: the recorder, its files and locks, and finishing them."""
