"""Reading a dataset: frames, lazy arrays with and without axes, and what a notebook shows."""
