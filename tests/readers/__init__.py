"""Foreign readers, driven as their users drive them, that judge the files this package writes."""
