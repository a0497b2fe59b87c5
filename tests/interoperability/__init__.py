"""Other programs' readers, and what each of them reads from one dataset."""
