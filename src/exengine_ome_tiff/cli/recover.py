"""The command `recover`: finish a dataset left by a crash."""

import argparse
from functools import partial

from exengine_ome_tiff.cli.output import say
from exengine_ome_tiff.cli.paths import add_dataset as add_arguments
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.repair import recover
from exengine_ome_tiff.text_format import count_text

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "work"]

HELP = "repair a dataset left by a crash"
DESCRIPTION = "Turn a dataset left by a crash into OME-TIFF. The pixels stay unchanged."


def work(options: argparse.Namespace) -> int:
    """Recover the dataset and print how many frames it has."""
    is_there = options.path.exists()
    with ProgressBar("B", leave=True) as bar:
        recovered = recover(options.path, progress=partial(bar.step, "reading"))
    if recovered.n_frames is None:
        say(f"{recovered.path}: {'finished already, nothing to do' if is_there else 'moved back'}")
    else:
        frames, files = count_text(recovered.n_frames, "frame"), count_text(recovered.n_files, "file")
        say(f"{recovered.path}: {frames} in {files} recovered")
    return 0
