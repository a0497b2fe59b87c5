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
        "dataset/loader.py",
        "frames.sort(key=lambda frame: frame.head.number)",
        "frames.sort(key=lambda frame: frame.file)",
        "writing/test_lifecycle.py::test_open_finds_all_frames",
    ),
    Mutant(
        "dataset/location.py",
        'stem.lower().endswith(".ome")',
        'stem.endswith(".ome")',
        "coordinates/test_names.py::test_the_suffix_decides_what_a_path_is",
    ),
    Mutant(
        "dataset/privacy.py",
        "if key not in names and inside[key] not in names",
        "if key not in names",
        "ome/test_summary.py::test_what_is_excluded_is_nowhere",
    ),
    Mutant(
        "dataset/privacy.py",
        "return [without(item, names, path) for item in metadata]",
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
        "dataset/images.py",
        "frames = int((self.layout.frames >= 0).sum())",
        "frames = int((self.layout.frames > 0).sum())",
        "inspection/test_info.py::test_it_agrees_with_ome_types",
    ),
    Mutant(
        "dataset/windows_paths.py",
        "_MAX_FOLDER_PATH, _MAX_FILE_PATH = 120, 240",
        "_MAX_FOLDER_PATH, _MAX_FILE_PATH = 240, 120",
        "windows/test_paths.py::test_long_paths_get_the_form_without_a_limit",
    ),
    Mutant(
        "dataset/header.py",
        "FORMAT_VERSION = 1",
        "FORMAT_VERSION = 2",
        "test_golden_files.py::test_an_unfinished_dataset_is_read_as_it_is",
    ),
]
