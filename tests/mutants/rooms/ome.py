"""Small wrong changes of ome."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "ome/image_description.py",
        'frame.objective or (None if "objective" in told.image.disputed else summary.objective)',
        "frame.objective or summary.objective",
        "ome/test_fields.py::test_what_differs_within_an_image_is_written_by_plane_only",
    ),
    Mutant(
        "ome/image_description.py",
        "_positive(frame.time_interval_s) or _positive(summary.time_interval_s)",
        "_positive(summary.time_interval_s) or _positive(frame.time_interval_s)",
        "ome/test_given.py::test_the_interval_of_frames_goes_before_that_of_the_summary",
    ),
    Mutant(
        "ome/annotations.py",
        "{steps.last + 1}",
        "{steps.last}",
        "writing/test_inputs.py::test_a_long_axis_of_even_steps",
    ),
    Mutant(
        "ome/plate.py",
        "max(well.row for well, _ in samples) + 1",
        "max(well.row for well, _ in samples)",
        "ome/test_plates.py::test_a_plate_in_ome",
    ),
    Mutant(
        "ome/instruments.py",
        "gain=camera.gain, offset=camera.offset",
        "gain=camera.gain, offset=camera.gain",
        "ome/test_fields.py::test_two_cameras_by_turns",
    ),
    Mutant(
        "ome/modulo.py",
        '"End": str(steps.last)',
        '"End": str(steps.last + steps.step)',
        "dataset/test_modulo.py::test_readers_see_the_axis",
    ),
    Mutant("ome/colors.py", 'r"[\\s_-]|fluor"', 'r"[\\s_-]"', "ome/test_given.py::test_colors_of_names"),
    Mutant(
        "ome/xml_reader.py", '"nm": 1e-3', '"nm": 1e3', "ome/test_xml_reader.py::test_what_a_document_says"
    ),
    Mutant(
        "ome/xml_reader.py",
        'max(self.sizes["C"] // samples, 1)',
        'max(self.sizes["C"], 1)',
        "conversion/test_ome_tiff.py::test_rgb",
    ),
]
