"""Small wrong changes of conversion."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "conversion/image_stacks.py",
        "return len(path.name), path.name",
        "return 0, path.name",
        "conversion/test_micromanager.py::test_more_files_than_one_digit_counts",
    ),
    Mutant(
        "conversion/conversion.py",
        "path.resolve().is_relative_to(opened.path.resolve())",
        "path.resolve() == opened.path.resolve()",
        "conversion/test_sources.py::test_destinations_that_cannot_be",
    ),
    Mutant(
        "conversion/conversion.py",
        "path = part.path if differences else part.publish()",
        "path = part.publish()",
        "conversion/test_sources.py::TestVerifying::test_a_frame_that_differs",
    ),
    Mutant(
        "conversion/imagej_export.py",
        "(planes.numbers < 0).sum()",
        "(planes.numbers <= 0).sum()",
        "conversion/test_imagej.py::test_an_image_without_gaps_that_has_the_first_frame",
    ),
    Mutant(
        "conversion/ome_values.py",
        'found["PixelAspect"] = y_um / x_um',
        'found["PixelAspect"] = x_um / y_um',
        "conversion/test_ome_tiff.py::test_pixels_that_are_no_squares",
    ),
    Mutant(
        "conversion/partial_result.py",
        "        sync_folder(dest.parent)\n",
        "",
        "conversion/test_sources.py::test_the_name_of_the_result_is_safe_on_the_disk",
    ),
    Mutant(
        "conversion/source_files.py",
        "if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):",
        "if path.is_symlink() and not path.exists():",
        "conversion/test_separate_images.py::test_nothing_outside_of_the_folder_is_read",
    ),
]
