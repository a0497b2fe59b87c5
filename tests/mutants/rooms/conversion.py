"""Small wrong changes of conversion."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "conversion/image_stacks.py",
        "return len(path.name), path.name",
        "return 0, path.name",
        "conversion/test_micromanager.py::test_more_than_ten_files",
    ),
    Mutant(
        "conversion/image_stacks.py",
        "return names if len(set(names)) == len(names) else []",
        "return names",
        "conversion/test_micromanager.py::test_without_names_the_numbers_are_kept",
    ),
    Mutant(
        "conversion/conversion.py",
        "for each in (real, *real.parents))",
        "for each in (real,))",
        "conversion/test_sources.py::test_invalid_destinations",
    ),
    Mutant(
        "conversion/conversion.py",
        "path = part.path if differences else part.publish()",
        "path = part.publish()",
        "conversion/test_sources.py::TestVerifying::test_a_frame_that_differs",
    ),
    Mutant(
        "conversion/conversion.py",
        "{**known, **options,",
        "{**options, **known,",
        "conversion/test_sources.py::test_options_override_the_source",
    ),
    Mutant(
        "conversion/frame_copy.py",
        '    if _is_other_json(metadata, copied):\n        yield "metadata"\n',
        "",
        "conversion/test_sources.py::TestVerifying::test_a_frame_that_differs",
    ),
    Mutant(
        "conversion/ndtiff.py",
        "if start + nbytes > size:",
        "if start > size:",
        "conversion/test_ndtiff.py::TestDamage::test_a_truncated_file",
    ),
    Mutant(
        "conversion/sources.py",
        "self.superseded += key in self.frames",
        "self.superseded += 1",
        "conversion/test_ndtiff.py::TestDamage::test_an_index_entry_that_is_not_json",
    ),
    Mutant(
        "conversion/ndtiff.py",
        "if stop > len(index):",
        "if stop >= len(index):",
        "conversion/test_ndtiff.py::test_what_ndstorage_wrote",
    ),
    Mutant(
        "conversion/ome_tiff.py",
        '"C": image.n_channels,',
        '"C": image.sizes["C"],',
        "conversion/test_ome_tiff.py::test_rgb",
    ),
    Mutant(
        "conversion/ome_tiff.py",
        "rank + page - block.first_ifd",
        "rank + page",
        "conversion/test_ome_tiff.py::test_several_files_that_name_each_other",
    ),
    Mutant(
        "conversion/ome_values.py",
        "round(exposure_s * 1e3, 9)",
        "round(exposure_s, 9)",
        "conversion/test_ome_tiff.py::test_several_files_that_name_each_other",
    ),
    Mutant(
        "conversion/ome_values.py",
        'found["PixelAspect"] = y_um / x_um',
        'found["PixelAspect"] = x_um / y_um',
        "conversion/test_ome_tiff.py::test_pixels_that_are_not_square",
    ),
    Mutant(
        "conversion/ome_values.py",
        '"nm": 1.0, "µm": 1e3',
        '"nm": 1.0, "µm": 1e-3',
        "conversion/test_ome_tiff.py::test_wavelengths_in_micrometres",
    ),
    Mutant(
        "conversion/image_stacks.py",
        "if all(map(math.isfinite, times))",
        "if any(map(math.isfinite, times))",
        "conversion/test_separate_images.py::test_a_clock_that_some_frames_lack_is_not_used",
    ),
    Mutant(
        "conversion/separate_files.py",
        '{"time": int(time[:_MOST_DIGITS]), "z": int(z[:_MOST_DIGITS])}',
        '{"time": int(z[:_MOST_DIGITS]), "z": int(time[:_MOST_DIGITS])}',
        "conversion/test_separate_images.py::test_coordinates_in_file_names_of_version_1_4",
    ),
    Mutant(
        "conversion/partial_result.py",
        "        sync_folder(dest.parent)\n",
        "",
        "conversion/test_sources.py::test_the_name_of_the_result_is_synced_to_the_disk",
    ),
    Mutant(
        "conversion/partial_result.py",
        "        except OSError:\n            self._move_back()\n            raise",
        "        except OSError:\n            raise",
        "writing/test_replacing.py::test_conversion_restores_the_old_dataset_if_its_result_cannot_be_moved",
    ),
    Mutant(
        "conversion/sources.py",
        "if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):",
        "if path.is_symlink() and not path.exists():",
        "conversion/test_separate_images.py::test_nothing_outside_the_folder_is_read",
    ),
]
