"""The command `recover`: finish a dataset whose writer was killed."""

import argparse
from functools import partial

from exengine_ome_tiff.cli.output import say
from exengine_ome_tiff.cli.paths import path_argument
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.repair import recover
from exengine_ome_tiff.text_format import count_text


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    recovery = commands.add_parser(
        "recover",
        help="repair a dataset left by a crash",
        description="Turn a dataset left by a crash into OME-TIFF. The pixels stay unchanged.",
    )
    recovery.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    recovery.set_defaults(work=_recover)


def _recover(options: argparse.Namespace) -> int:
    is_there = options.path.exists()
    with ProgressBar("B", leave=True) as bar:
        recovered = recover(options.path, progress=partial(bar.step, "reading"))
    if recovered.n_frames is None:
        say(f"{recovered.path}: {'finished already, nothing to do' if is_there else 'moved back'}")
    else:
        frames, files = count_text(recovered.n_frames, "frame"), count_text(recovered.n_files, "file")
        say(f"{recovered.path}: {frames} in {files} recovered")
    return 0
