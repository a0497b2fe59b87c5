"""Small wrong changes of reading."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "reading/selection.py",
        "tuple(range(min(numbers), max(numbers) + 1))",
        "tuple(range(min(numbers), max(numbers)))",
        "reading/test_as_array.py::test_tiles_are_stitched_as_ndstorage_does",
    ),
    Mutant(
        "reading/selection.py",
        "for value in axis.values if value is not None or None in seen",
        "for value in axis.values",
        "reading/test_as_array.py::test_axes_of_unselected_frames_are_ignored",
    ),
    Mutant(
        "reading/selection.py",
        "isinstance(value, int) and not has_numbers and 0 <=",
        "isinstance(value, int) and 0 <=",
        "reading/test_as_array.py::test_a_number_is_a_value_if_the_axis_has_numbers_and_text",
    ),
    Mutant(
        "reading/chunking.py",
        "_TILE_BYTES = 1 << 19",
        "_TILE_BYTES = 1 << 10",
        "reading/test_chunks.py::test_chunks_of_large_tiled_pages_follow_their_tiles",
    ),
    Mutant(
        "reading/xarray_array.py",
        "+ (step - 1) / 2) *",
        "+ 0) *",
        "reading/test_levels.py::test_each_level_is_what_tifffile_reads",
    ),
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
        "reading/test_as_array.py::test_the_error_says_what_cannot_be_stitched",
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
        "inspection/test_preview.py::test_a_caption_has_the_time_of_the_first_plane",
    ),
    Mutant(
        "reading/calibration.py",
        'element.length_um("PhysicalSizeY"), element.length_um("PhysicalSizeX")',
        'element.length_um("PhysicalSizeX"), element.length_um("PhysicalSizeY")',
        "inspection/test_info.py::test_height_and_width_of_a_pixel_are_not_swapped",
    ),
    Mutant(
        "reading/calibration.py",
        "values.pixel_size_y_um, values.pixel_size_x_um",
        "values.pixel_size_x_um, values.pixel_size_y_um",
        "inspection/test_info.py::test_calibration_is_the_same_before_and_after_finishing",
    ),
    Mutant(
        "reading/calibration.py",
        "            planes[quantity][cube < 0] = np.nan\n",
        "",
        "reading/test_as_xarray.py::test_missing_planes_have_no_time",
    ),
    Mutant(
        "reading/display.py",
        "if image.n_frames < image.n_planes",
        "if image.n_frames <= image.n_planes",
        "reading/test_display.py::test_the_table_has_a_row_for_each_image",
    ),
    Mutant(
        "reading/display.py",
        "if left > 0:",
        "if left >= 0:",
        "reading/test_display.py::test_the_table_of_many_images_stays_short",
    ),
    Mutant(
        "reading/reader.py",
        "index, len(index), index.n_distinct, recording.is_finished",
        "index, index.n_distinct, recording.is_finished",
        "reading/test_display.py::test_images_are_laid_out_again_only_for_new_frames",
    ),
    Mutant(
        "reading/reader.py",
        "        self.flush()  # last, because other threads may have put frames meanwhile\n",
        "",
        "reading/test_as_array.py::test_another_thread_may_put_frames_meanwhile",
    ),
    Mutant(
        "reading/xarray_array.py",
        "np.fmin.reduce(of_planes, axis=1)",
        "of_planes[:, -1]",
        "reading/test_as_xarray.py::test_coordinates_are_physical_and_the_put_values_are_kept",
    ),
    Mutant(
        "reading/xarray_array.py",
        "return None if step_s is None else np.arange(count) * step_s",
        "return None if step_s is None else np.arange(1, count + 1) * step_s",
        "reading/test_as_xarray.py::test_the_planned_interval_is_used_without_plane_times",
    ),
    Mutant(
        "reading/reader.py",
        "            return recording.index\n",
        "            return self._recording.index\n",
        "reading/test_growth.py::test_frames_of_several_files_are_in_the_order_of_puts",
    ),
    Mutant(
        "reading/reader.py",
        "self._growth.keys[seen:]",
        "self._growth.recording.index.keys()[seen:]",
        "reading/test_growth.py::test_follow_times_out_without_new_frames",
    ),
    Mutant(
        "reading/selection.py",
        ("    return sorted(names, key=lambda name: -_SLOW_FIRST.get(standard_name(name), _OTHER_AXES))"),
        "    return sorted(names, key=lambda name: -_SLOW_FIRST.get(name, _OTHER_AXES))",
        "reading/test_selection.py::test_axes_in_any_spelling_are_in_the_order_of_ndstorage",
    ),
    Mutant(
        "reading/selection.py",
        "has_numbers = len(texts) + (None in self.values) < len(self.values)",
        "has_numbers = len(texts) < len(self.values)",
        "reading/test_selection.py::test_a_number_selects_text_along_an_axis_that_some_frames_lack",
    ),
    Mutant(
        "reading/chunking.py",
        "edges = [start, *range((start // step + 1) * step, stop, step), stop]",
        "edges = [start, *range(start + step, stop, step), stop]",
        "reading/test_selection.py::test_chunks_of_a_part_of_a_page_begin_at_multiples_of_their_length",
    ),
    Mutant(
        "reading/calibration.py",
        "        sizes = values.pixel_size_y_um, values.pixel_size_x_um\n",
        "        sizes = values.pixel_size_x_um, values.pixel_size_y_um\n",
        "reading/test_selection.py::test_pixels_that_are_not_squares_have_the_same_coordinates_at_each_stage",
    ),
    Mutant(
        "reading/channel_look.py",
        "texts = [element.color(index * inside) for index in range(len(values))]",
        "texts = [element.color(index) for index in range(len(values))]",
        "reading/test_selection.py::test_channels_with_a_folded_axis_keep_their_colors",
    ),
]
