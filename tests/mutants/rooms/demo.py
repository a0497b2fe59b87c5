"""Small wrong changes of demo."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "demo/acquisition.py",
        "(z_slice - (self.z_slices - 1) / 2)",
        "(z_slice - self.z_slices / 2)",
        "demo/test_acquisition.py::test_frames_show_the_place_of_their_coordinates",
    ),
    Mutant(
        "demo/acquisition.py",
        "if not _MIN_PIXELS <= min(self.shape)",
        "if not _MIN_PIXELS <= max(self.shape)",
        "demo/test_acquisition.py::test_invalid_plans_are_refused",
    ),
    Mutant(
        "demo/acquisition.py",
        "(p * plan.spacing_um, 0.0)",
        "(0.0, p * plan.spacing_um)",
        "demo/test_acquisition.py::test_frames_show_the_place_of_their_coordinates",
    ),
    Mutant(
        "demo/acquisition.py",
        "                watch.wait_until(taken - _MAX_WAITING_FRAMES)\n",
        "",
        "demo/test_acquisition.py::test_a_slow_storage_bounds_the_frames_that_wait",
    ),
    Mutant(
        "demo/acquisition.py",
        "                self.count_handled()\n",
        "                pass\n",
        "demo/test_acquisition.py::test_a_slow_storage_bounds_the_frames_that_wait",
    ),
    Mutant(
        "demo/microscope.py",
        "self._popped * self._exposure_ms / 1000",
        "self._popped * self._exposure_ms",
        "demo/test_microscope.py::test_frames_of_a_sequence_follow_each_other_by_an_exposure",
    ),
    Mutant(
        "demo/microscope.py",
        ".total_seconds() * 1000:.2f}",
        ".total_seconds():.2f}",
        "demo/test_microscope.py::test_elapsed_time_restarts_with_every_sequence_and_stamps_continue",
    ),
    Mutant(
        "demo/microscope.py",
        "height, width = self._shape",
        "width, height = self._shape",
        "demo/test_microscope.py::test_metadata_describes_the_frame",
    ),
    Mutant(
        "demo/scene.py",
        "self.pixel_size_um + view.x_um",
        "self.pixel_size_um - view.x_um",
        "demo/test_scene.py::test_same_place_has_the_same_cells_wherever_the_stage_is",
    ),
    Mutant(
        "demo/scene.py",
        "0.28 * (z_um - self.z_um)",
        "0.28 * (z_um + self.z_um)",
        "demo/test_scene.py::test_sharpness_peaks_where_the_cell_is_and_falls_off_smoothly",
    ),
]
