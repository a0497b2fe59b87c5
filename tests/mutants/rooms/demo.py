"""Small wrong changes of demo."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "demo/acquisition.py",
        "                watch.wait_until(taken - _MAX_WAITING_FRAMES)\n",
        "",
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
        "demo/test_microscope.py::test_elapsed_time_restarts_with_every_sequence_and_stamps_go_on",
    ),
    Mutant(
        "demo/scene.py",
        "0.28 * (z_um - self.z_um)",
        "0.28 * (z_um + self.z_um)",
        "demo/test_scene.py::test_sharpness_peaks_where_the_cell_is_and_falls_off_smoothly",
    ),
]
