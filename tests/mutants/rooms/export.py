"""Small wrong changes of export."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "export/imagej_export.py",
        "/ (last - first))",
        "/ (len(known) - 1))",
        "export/test_imagej.py::test_the_mean_interval_if_none_is_known",
    ),
    Mutant(
        "export/imagej_export.py",
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
    Mutant(
        "export/mosaic_groups.py",
        "here < there if other < tile else here <= there",
        "here < there",
        "export/test_mosaics.py::test_overlaps_are_divided_in_the_middle",
    ),
    Mutant(
        "export/mosaic_groups.py",
        "set(self._near(tile, gap=-1).tolist()) & set(among)",
        "set(self._near(tile, gap=-1).tolist())",
        "export/test_mosaics.py::test_a_missing_tile_leaves_a_hole",
    ),
    Mutant(
        "export/mosaic_groups.py",
        "-1 if axis in self.flip else 1",
        "1",
        "export/test_mosaics.py::test_stage_axes_may_be_flipped",
    ),
]
