"""Small wrong changes of export."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "export/hyperstack_planes.py",
        "/ (last - first))",
        "/ (len(known) - 1))",
        "export/test_imagej.py::test_the_mean_interval_where_none_is_told",
    ),
    Mutant(
        "export/hyperstack_planes.py",
        "(x_um, y_um) if x_um and y_um",
        "(y_um, x_um) if x_um and y_um",
        "inspection/test_info.py::test_height_and_width_of_a_pixel_are_not_swapped",
    ),
    Mutant(
        "export/imagej_export.py",
        "            part.unlink(missing_ok=True)\n",
        "            pass\n",
        "export/test_imagej.py::test_an_interrupt_leaves_nothing",
    ),
    Mutant(
        "export/imagej_export.py",
        "(planes.numbers < 0).sum()",
        "(planes.numbers <= 0).sum()",
        "export/test_imagej.py::test_an_image_without_gaps_that_has_the_first_frame",
    ),
]
