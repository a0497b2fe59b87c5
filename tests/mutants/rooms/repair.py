"""Small wrong changes of repair."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "repair/page_consistency.py",
        "any(band.any() for band",
        "any(band.all() for band",
        "repair/test_validation.py::test_a_blank_page_that_is_not_black",
    ),
    Mutant(
        "repair/validation.py",
        "if root_uuid(xml) is None:",
        "if root_uuid(xml) is None and errors:",
        "repair/test_validation.py::test_a_document_without_the_uuid_of_its_file",
    ),
    Mutant(
        "repair/validation.py",
        'sizes["C"] = layout.sizes["C"] * pixels.samples',
        'sizes["C"] = layout.sizes["C"]',
        "repair/test_validation.py::test_a_new_dataset_is_valid",
    ),
    Mutant(
        "repair/validation.py",
        "first_ifds[place[0]] = first_ifd + len(layout.frames)",
        "first_ifds[place[0]] = len(layout.frames)",
        "repair/test_validation.py::test_a_new_dataset_is_valid",
    ),
    Mutant(
        "repair/validation.py",
        "images = sorted(images, key=lambda image: rank.get(self._paths[image.file].name, len(rank)))",
        "images = list(images)",
        "repair/test_validation.py::test_alternating_images_of_several_files_are_valid",
    ),
    Mutant(
        "repair/recovery.py",
        "finish_files(recording, fsync=True)",
        "finish_files(recording, fsync=False)",
        "repair/test_recovery.py::test_an_interrupted_recovery_can_be_repeated",
    ),
    Mutant(
        "repair/recovery.py",
        "        replacement.delete(held.location)\n",
        "",
        "writing/test_replacing.py::test_recovery_of_the_new_dataset_deletes_the_old_one",
    ),
    Mutant(
        "repair/recovery.py",
        (
            "    if location.is_folder and find_companion(location.path, header.dataset) is None:\n"
            "        return False\n"
        ),
        "",
        "repair/test_recovery.py::test_a_lost_companion_is_recreated_with_the_current_file_names",
    ),
    Mutant(
        "repair/recovery.py",
        " and not location.lock.exists()",
        "",
        "repair/test_recovery.py::test_a_stale_lock_of_a_finished_folder_is_deleted",
    ),
    Mutant(
        "repair/recovery.py",
        "len(recording.index.files), len(recording.index))",
        "len(held.paths), len(recording.index))",
        "repair/test_recovery.py::test_a_file_without_a_frame_is_left_out",
    ),
    Mutant(
        "repair/recovery.py",
        "        return _finish(held, interpreter, progress)\n",
        "        held.lock.release()\n        return _finish(held, interpreter, progress)\n",
        "writing/test_order_of_changes.py::test_all_changes_are_made_under_the_lock",
    ),
]
