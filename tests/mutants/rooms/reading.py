"""Small wrong changes of reading."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "reading/dask_array.py",
        "length - (pixels + 1) // 2",
        "length - pixels // 2",
        "reading/test_as_array.py::test_tiles_are_stitched_as_ndstorage_does",
    ),
    Mutant(
        "reading/dask_array.py",
        "if any(nbytes >= length for",
        "if any(nbytes > length for",
        "reading/test_as_array.py::test_what_cannot_be_stitched_is_told",
    ),
    Mutant(
        "reading/dask_array.py",
        '("GridPixelOverlapY", "GridPixelOverlapX")',
        '("GridPixelOverlapX", "GridPixelOverlapY")',
        "reading/test_as_array.py::test_tiles_are_stitched_as_ndstorage_does",
    ),
    Mutant(
        "reading/calibration.py",
        "np.fmin.reduce(times_s",
        "np.fmax.reduce(times_s",
        "inspection/test_sheet.py::test_a_caption_has_the_time_of_the_first_plane",
    ),
    Mutant(
        "reading/display.py",
        "if left > 0:",
        "if left >= 0:",
        "reading/test_display.py::test_the_table_of_many_images_stays_short",
    ),
    Mutant(
        "reading/xarray_array.py",
        "return None if step_s is None else np.arange(count) * step_s",
        "return None if step_s is None else np.arange(1, count + 1) * step_s",
        "reading/test_as_xarray.py::test_the_planned_interval_is_taken_where_no_plane_tells_its_time",
    ),
]
