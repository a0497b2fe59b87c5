"""Other people's readers, each asked what it sees of one dataset."""
