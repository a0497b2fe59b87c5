"""Small wrong changes of inspection."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "inspection/key_coverage.py",
        'places[key] - ({"record"} if len(places[key]) > 1 else set())',
        "places[key]",
        "inspection/test_info.py::test_a_key_that_is_too_long_for_the_annotations_of_one_image_only",
    ),
    Mutant(
        "inspection/key_coverage.py",
        "counts.update(dict.fromkeys(keys, frames))",
        "counts.update(dict.fromkeys(keys, 1))",
        "inspection/test_info.py::test_the_places_of_metadata_keys",
    ),
    Mutant(
        "inspection/dataset_info.py",
        "float(np.nanmax(times_s) - np.nanmin(times_s))",
        "float(np.nanmax(times_s))",
        "inspection/test_info.py::test_the_duration_of_an_image_that_begins_later",
    ),
    Mutant(
        "inspection/dataset_info.py",
        "image.color(index * inside)",
        "image.color(index)",
        "inspection/test_info.py::test_each_channel_has_its_colour_where_an_axis_is_folded_into_channels",
    ),
    Mutant(
        "inspection/dataset_info.py",
        "for each in (*data.paths, companion) if each is not None",
        "for each in data.paths",
        "inspection/test_info.py::test_it_agrees_with_ome_types",
    ),
    Mutant(
        "inspection/dataset_info.py",
        'if key.written_to == ("ome",)}',
        'if "ome" in key.written_to}',
        "inspection/test_info.py::test_an_unreadable_value_is_reported_even_if_others_are_readable",
    ),
    Mutant(
        "inspection/preview_cells.py",
        "(1.0, 99.8)",
        "(1.0, 80.0)",
        "inspection/test_preview.py::test_hardly_any_pixel_is_saturated",
    ),
    Mutant(
        "inspection/preview_cells.py",
        "255.0 if row.dtype.itemsize == 1 else high",
        "high",
        "inspection/test_preview.py::test_rgb_is_shown_unchanged",
    ),
    Mutant(
        "inspection/preview_cells.py",
        "pixel_um * width / size[0]",
        "pixel_um * size[0] / width",
        "inspection/test_preview.py::test_a_downsampled_cell_has_larger_pixels",
    ),
    Mutant(
        "inspection/preview_cells.py",
        "calibration.pixel_size_um[1]",
        "calibration.pixel_size_um[0]",
        "inspection/test_info.py::test_height_and_width_of_a_pixel_are_not_swapped",
    ),
    Mutant(
        "inspection/preview_cells.py",
        "np.abs(there - (len(numbers) - 1) / 2).argmin()",
        "np.abs(there - len(numbers)).argmin()",
        "inspection/test_preview.py::test_the_middle_of_z_and_the_maximum",
    ),
    Mutant(
        "inspection/preview_cells.py",
        "np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()",
        "np.arange(min(count, most)).tolist()",
        "inspection/test_preview.py::test_time_points_are_thinned_evenly",
    ),
    Mutant(
        "inspection/open_dataset.py",
        "self.paths[image.file], counts[image.file], element",
        "self.paths[image.file], len(images), element",
        "inspection/test_frame_metadata.py::test_each_frame_has_the_plane_that_ome_types_finds",
    ),
    Mutant(
        "inspection/frame_metadata.py",
        "return axes, names, numbers",
        "return numbers, names, axes",
        "inspection/test_frame_metadata.py::test_frames_with_the_same_axes_are_nearest",
    ),
    Mutant(
        "inspection/frame_metadata.py",
        'r"-?[0-9]{1,30}"',
        'r"[0-9]{1,30}"',
        "inspection/test_frame_metadata.py::test_coordinates_as_text",
    ),
    Mutant(
        "inspection/frame_metadata.py",
        "element.channels[zct[1]] if zct[1] <",
        "element.channels[zct[0]] if zct[0] <",
        "inspection/test_frame_metadata.py::test_each_frame_has_the_plane_that_ome_types_finds",
    ),
    Mutant(
        "inspection/preview_page.py",
        "_STEPS = (5, 2, 1)",
        "_STEPS = (1, 2, 5)",
        "inspection/test_preview.py::test_scale_bars_have_round_lengths",
    ),
    Mutant(
        "inspection/text_table.py",
        "(min(known), max(known))",
        "(known[0], known[-1])",
        "inspection/test_info.py::test_durations_are_a_range_from_shortest_to_longest",
    ),
    Mutant(
        "inspection/text_table.py",
        "{height:g} µm high, {width:g} µm wide",
        "{width:g} µm high, {height:g} µm wide",
        "inspection/test_info.py::test_height_and_width_of_a_pixel_are_not_swapped",
    ),
    Mutant(
        "inspection/archives.py",
        '"Y"] <= LARGE_AREA_PX',
        '"Y"] < LARGE_AREA_PX',
        "inspection/test_omero.py::test_pyramids",
    ),
]
