"""Small wrong changes of dataset."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "dataset/facts.py",
        "told - timedelta(seconds=first_s)",
        "told",
        "ome/test_given.py::test_the_date_of_a_stamp_is_that_of_its_frame_also_where_times_count_from_the_start",
    ),
    Mutant(
        "dataset/facts.py",
        "started + timedelta(seconds=last_s)",
        "started",
        "ome/test_plate_facts.py::test_what_the_summary_tells_of_the_plate",
    ),
    Mutant(
        "dataset/told_plate.py",
        "name=plate.name or summary.plate_name",
        "name=summary.plate_name or plate.name",
        "ome/test_plate_facts.py::test_the_name_that_the_user_gives_a_plate_goes_first",
    ),
    Mutant(
        "dataset/header.py",
        "uuid5(UUID(self.dataset), name).urn",
        'uuid5(UUID(self.dataset), "").urn',
        "repair/test_validation.py::test_a_companion_that_names_a_wrong_uuid",
    ),
    Mutant(
        "dataset/loader.py",
        "root_uuid(file.read(_ROOT_BYTES)) == dataset",
        "root_uuid(file.read(_ROOT_BYTES)) is not None",
        "repair/test_validation.py::test_a_companion_of_another_dataset",
    ),
    Mutant(
        "dataset/loader.py",
        "frames.sort(key=lambda frame: frame.head.number)",
        "frames.sort(key=lambda frame: frame.file)",
        "writing/test_lifecycle.py::test_open_finds_all_frames",
    ),
    Mutant(
        "dataset/loader.py",
        "if len(paths) == 1 or not leaves_out(file)",
        "if len(paths) == 1 and not leaves_out(file)",
        "repair/test_validation.py::test_a_damaged_file_of_a_finished_folder_is_not_left_out",
    ),
    Mutant(
        "dataset/loader.py",
        "is_finished &= file.is_finished",
        "is_finished = file.is_finished",
        "repair/test_validation.py::test_one_file_that_was_never_finished",
    ),
    Mutant(
        "dataset/loader.py",
        "        if path.is_symlink() or not path.is_file():\n            continue\n        try:",
        "        if not path.is_file():\n            continue\n        try:",
        "repair/test_validation.py::test_a_link_to_a_file_of_the_folder_is_no_file_of_it",
    ),
    Mutant(
        "dataset/location.py",
        'stem.lower().endswith(".ome")',
        'stem.endswith(".ome")',
        "coordinates/test_names.py::test_the_suffix_decides_what_a_path_is",
    ),
    Mutant(
        "dataset/location.py",
        "self._taken.add(self._labels[place].casefold())",
        "self._taken.add(self._labels[place])",
        "coordinates/test_names.py::test_different_labels_have_different_names_where_case_does_not_count",
    ),
    Mutant(
        "dataset/privacy.py",
        "if key not in names and inside[key] not in names",
        "if key not in names",
        "ome/test_summary.py::test_what_is_excluded_is_nowhere",
    ),
    Mutant(
        "dataset/privacy.py",
        "return [without(item, names, found, path) for item in metadata]",
        "return list(metadata)",
        "ome/test_summary.py::test_what_is_excluded_is_nowhere",
    ),
    Mutant(
        "dataset/records.py",
        "return value.total_seconds()",
        "return value.seconds",
        "writing/test_metadata.py::test_what_has_a_json_form_comes_back_in_it",
    ),
    Mutant(
        "dataset/records.py",
        'return own | (getattr(value, "model_extra", None) or {})',
        "return own",
        "writing/test_metadata.py::test_what_has_a_json_form_comes_back_in_it",
    ),
    Mutant(
        "dataset/stored_images.py",
        "return sorted(images, key=lambda image: image.pixels.samples > 1)",
        "return images",
        "dataset/test_shapes.py::test_colour_behind_gray",
    ),
    Mutant(
        "dataset/stored_images.py",
        "and all(image.name != wanted for image in images)",
        "and any(image.name != wanted for image in images)",
        "reading/test_as_xarray.py::test_a_name_of_digits_goes_before_a_number",
    ),
    Mutant(
        "dataset/stored_images.py",
        "frames = int((self.layout.frames >= 0).sum())",
        "frames = int((self.layout.frames > 0).sum())",
        "inspection/test_info.py::test_it_agrees_with_ome_types",
    ),
    Mutant(
        "dataset/written_facts.py",
        '"height": {shape[0]},\n        "width": {shape[1]}',
        '"height": {shape[1]},\n        "width": {shape[0]}',
        "ome/test_every_fact.py::test_every_fact",
    ),
    Mutant(
        "dataset/windows_paths.py",
        "_MAX_FOLDER_PATH, _MAX_FILE_PATH = 120, 240",
        "_MAX_FOLDER_PATH, _MAX_FILE_PATH = 240, 120",
        "windows/test_paths.py::test_long_paths_get_the_form_without_a_limit",
    ),
    Mutant(
        "dataset/windows_paths.py",
        'part.endswith((".", " "))',
        'part.endswith(".")',
        "windows/test_paths.py::test_names_that_windows_would_take_for_something_else",
    ),
    Mutant(
        "dataset/header.py",
        "FORMAT_VERSION = 1",
        "FORMAT_VERSION = 2",
        "test_golden_files.py::test_an_unfinished_dataset_is_read_as_it_is",
    ),
    Mutant(
        "dataset/growth.py",
        "if _number(frames[0]) < last:",
        "if False:",
        "reading/test_growth.py::test_frames_are_in_the_order_of_puts_although_files_get_theirs_at_different_times",
    ),
    Mutant(
        "dataset/growth.py",
        "if self._recent or self._settled < number:",
        "if True:",
        "reading/test_growth.py::test_frames_found_long_after_later_ones_take_their_places",
    ),
    Mutant(
        "dataset/columnar_index.py",
        "bool((starts[1:] >= ends[:-1]).all()) and int(ends[-1])",
        "int(ends[-1])",
        "dataset/test_columnar_index.py::test_an_index_that_cannot_be_is_left_out",
    ),
    Mutant(
        "coordinates/key_search.py",
        "at < 0 or self._keys[at] != key",
        "at < 0",
        "coordinates/test_key_search.py::test_places_between_frames_have_none",
    ),
]
