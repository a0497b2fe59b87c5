"""Small wrong changes, each with the tests that must notice it."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A file of the package, a text that is in it once, what replaces it, and arguments of pytest."""

    file: str
    old: str
    new: str
    tests: str


MUTANTS = [
    Mutant(
        "reading/selection.py",
        "isinstance(value, int) and not has_numbers and 0 <=",
        "isinstance(value, int) and 0 <=",
        "reading/test_as_array.py -k number_is_that_number",
    ),
    Mutant(
        "inspection/sheet_cells.py",
        "pixel_um * width / size[0]",
        "pixel_um * size[0] / width",
        "inspection/test_sheet.py -k larger_pixels",
    ),
    Mutant(
        "inspection/sheet_cells.py",
        "calibration.pixel_size_um[1]",
        "calibration.pixel_size_um[0]",
        "inspection/test_info.py -k not_swapped",
    ),
    Mutant(
        "inspection/info.py",
        "float(np.nanmax(times_s) - np.nanmin(times_s))",
        "float(np.nanmax(times_s))",
        "inspection/test_info.py -k begins_later",
    ),
    Mutant("inspection/contrast.py", "(1.0, 99.8)", "(1.0, 80.0)", "inspection/test_sheet.py -k hardly"),
    Mutant("tiff/checksums.py", ":08x}", ":x}", "tiff/test_checksums.py"),
    Mutant("tiff/page_coding.py", '"zlib": (0, 9)', '"zlib": (1, 9)', "writing/test_coding.py -k outermost"),
    Mutant("writing/flusher.py", "IDLE_S = 0.25", "IDLE_S = 2.5", "writing/test_durability.py -k promised"),
    Mutant(
        "dataset/header.py",
        "FORMAT_VERSION = 1",
        "FORMAT_VERSION = 2",
        "test_golden_files.py -k read_as_it_is",
    ),
    Mutant(
        "repair/recovery.py",
        "finish_files(recording, fsync=True)",
        "finish_files(recording, fsync=False)",
        "repair/test_recovery.py -k ends_anywhere",
    ),
]
