"""Small wrong changes of coordinates."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "coordinates/grouping.py",
        "shortest = min(long_axes",
        "shortest = max(long_axes",
        "coordinates/test_layout.py::test_the_shortest_axis_is_split",
    ),
    Mutant(
        "coordinates/grouping.py",
        "key=lambda axis: -changes[axis]",
        "key=lambda axis: changes[axis]",
        "coordinates/test_layout.py::test_a_regular_acquisition_is_in_order_of_arrival",
    ),
    Mutant(
        "coordinates/grouping.py",
        "indices[axis] * len(inner) + ranks[name]",
        "indices[axis] * len(values[axis]) + ranks[name]",
        "dataset/test_modulo.py::test_readers_see_the_axis",
    ),
    Mutant(
        "coordinates/grouping.py",
        "known.min()",
        "known[0]",
        "coordinates/test_layout.py::test_a_frame_without_an_axis_takes_the_first_place",
    ),
    Mutant(
        "coordinates/file_names.py",
        'wanted += ["well", "field"]',
        'wanted += ["well"]',
        "ome/test_plates.py::test_a_file_for_each_field_of_a_well",
    ),
    Mutant(
        "coordinates/wells.py",
        'well is not None and "well" in labels and isinstance(site, int)',
        "well is not None and isinstance(site, int)",
        "ome/test_plates.py::test_wells_by_their_labels",
    ),
    Mutant(
        "coordinates/wells.py",
        'column = int(match["column"]) - 1',
        'column = int(match["column"])',
        "ome/test_plates.py::test_wells_by_their_labels",
    ),
    Mutant(
        "coordinates/wells.py",
        "found.well.row < (self.rows or _ROWS)",
        "found.well.row <= (self.rows or _ROWS)",
        "ome/test_plates.py::test_the_plate_size_limits_well_names",
    ),
    Mutant(
        "coordinates/wells.py",
        "(len(rows) > 1 and len(columns) > 1)",
        "(len(rows) > 1 or len(columns) > 1)",
        "ome/test_plates.py::test_only_unambiguous_wells_make_a_plate",
    ),
    Mutant(
        "coordinates/keys.py",
        "(axis != name, axis != axis.lower())",
        "(axis == name, axis != axis.lower())",
        "coordinates/test_layout.py::test_one_of_several_spellings_counts",
    ),
    Mutant(
        "coordinates/keys.py",
        'IMAGE_AXES = ("position", "well",',
        'IMAGE_AXES = ("well", "position",',
        "coordinates/test_layout.py::test_labels_are_in_natural_order",
    ),
    Mutant(
        "coordinates/layout.py",
        "self.values[axis][index // len(inside)], inside[index % len(inside)]",
        "self.values[axis][index % len(self.values[axis])], inside[index // len(self.values[axis])]",
        "coordinates/test_layout.py::test_labels_include_a_folded_axis",
    ),
    Mutant(
        "coordinates/keys.py",
        'value.lstrip("-").isdigit()',
        "value.isdigit()",
        "inspection/test_frame_metadata.py::test_coordinates_as_text",
    ),
    Mutant(
        "coordinates/keys.py",
        "not -_INT64 <= plain < _INT64",
        "not -_INT64 <= plain <= _INT64",
        "coordinates/test_keys.py::test_an_integer_of_more_than_64_bits_is_refused",
    ),
    Mutant(
        "coordinates/file_names.py",
        "while not name or name.casefold() in taken:",
        "while not name or name in taken:",
        "coordinates/test_names.py::test_different_labels_have_different_case_insensitive_names",
    ),
    Mutant(
        "coordinates/columns.py",
        "sorted((arrival[code], value, code)",
        "sorted((value, value, code)",
        "coordinates/test_layout.py::test_ints_rank_by_value_and_strings_by_first_arrival",
    ),
    Mutant(
        "coordinates/layout.py",
        "np.arange(cube.shape[1])[:, None] // inside",
        "np.arange(cube.shape[1])[:, None] % cube.shape[1] // cube.shape[1]",
        "ome/test_fields.py::test_each_channel_has_its_camera_where_an_axis_is_folded_into_channels",
    ),
    Mutant(
        "coordinates/layout.py",
        ("        order = np.argsort(numbers)\n        return numbers[order], channels[order]"),
        ("        order = np.argsort(numbers)\n        return numbers[order], channels"),
        "coordinates/test_layout.py::test_channels_of_frames_that_arrive_in_another_order",
    ),
]
