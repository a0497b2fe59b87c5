"""Small wrong changes of writing."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "writing/recorder.py",
        ("                self._encoder.forget()  # the next frame is compared with one that was taken\n"),
        "",
        "ome/test_fields.py::test_a_rejected_frame_does_not_affect_later_frames",
    ),
    Mutant(
        "writing/recorder.py",
        ".number + 1 if len(index) else 0",
        ".number if len(index) else 0",
        "writing/test_resuming.py::test_records_count_on_from_session_to_session",
    ),
    Mutant(
        "writing/recorder.py",
        "waiting = self._files.waiting() if failed is not None else set[int]()",
        "waiting = set[int]()",
        "writing/test_durability.py::test_a_file_whose_frames_could_not_be_written_is_not_finished",
    ),
    Mutant(
        "writing/recorder.py",
        "is_slow = now_s - self._last_put_s > SLOW_S",
        "is_slow = now_s - self._last_put_s < SLOW_S",
        "writing/test_durability.py::test_frames_that_come_slowly_behind_fast_ones_are_in_the_file_at_once",
    ),
    Mutant(
        "writing/recorder.py",
        (
            "                if fsync:\n"
            "                    sync_names(self._recording.location, self._claim.new_folders)\n"
        ),
        "",
        "writing/test_failing_disks.py::test_flush_waits_for_the_disk_when_it_is_asked_to",
    ),
    Mutant(
        "writing/recorder.py",
        "        replaced.delete(self._recording.location)\n",
        "",
        "writing/test_replacing.py::test_killed_before_each_change",
    ),
    Mutant(
        "writing/claim.py",
        "lock, location, *find_dataset(path)",
        "lock, location, paths, header",
        "repair/test_recovery.py::test_files_created_before_the_lock_are_recovered_too",
    ),
    Mutant(
        "writing/claim.py",
        "{location.folder, *(folder.parent for folder in new_folders)}",
        "{location.folder}",
        "writing/test_failing_disks.py::test_finish_waits_for_the_disk_before_the_header_leads_to_anything_new",
    ),
    Mutant(
        "writing/flusher.py",
        "            self._since_s = time.monotonic()\n            return error",
        "            return error",
        "writing/test_durability.py::test_the_flusher_waits_before_it_tries_again",
    ),
    Mutant(
        "writing/flusher.py",
        "IDLE_S = 0.25",
        "IDLE_S = 2.5",
        "writing/test_durability.py::test_the_times_that_are_promised",
    ),
    Mutant(
        "writing/error_log.py",
        "        self._told_s[kind] = now_s\n",
        "",
        "writing/test_states.py::TestFlusher::test_any_error_leaves_it_alive_and_is_told_once",
    ),
    Mutant(
        "writing/finalize.py",
        "write_whole(location.companion, contents.companion_xml(), fsync=fsync)",
        "write_whole(location.companion, contents.companion_xml(), fsync=False)",
        "writing/test_failing_disks.py::test_finish_waits_for_the_disk_before_the_header_leads_to_anything_new",
    ),
    Mutant(
        "writing/contents.py",
        "return [0, *ends[:-1]]",
        "return [0 for _ in ends]",
        "repair/test_validation.py::test_any_order_of_arrival_is_valid",
    ),
    Mutant(
        "writing/finalize.py",
        "errors.append(error)  # that",
        "raise  # that",
        "writing/test_failing_disks.py::test_one_position_that_fails_in_finish_does_not_keep_the_others",
    ),
    Mutant(
        "writing/contents.py",
        "return written or recording.header.file_uuid(file.path.name)",
        "return recording.header.file_uuid(file.path.name)",
        "repair/test_recovery.py::test_a_lost_companion_is_recreated_with_the_current_file_names",
    ),
    Mutant(
        "writing/files.py",
        "                if fsync:\n                    file.sync()\n",
        "",
        "writing/test_failing_disks.py::test_flush_waits_for_the_disk_when_it_is_asked_to",
    ),
    Mutant(
        "writing/files.py",
        "path.unlink(missing_ok=True)  # or",
        "pass  # or",
        "writing/test_failing_disks.py::test_the_disk_is_full_from_the_beginning",
    ),
    Mutant(
        "writing/files.py",
        "                self._recording.location.file(*place)  # reserves its name\n",
        "",
        "writing/test_resuming.py::test_names_of_files_stay_different_where_case_does_not_count",
    ),
    Mutant(
        "writing/lock.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "writing/test_locks.py::test_another_process_that_writes_is_not_disturbed",
    ),
    Mutant(
        "writing/lock.py",
        "        _held.add(self)\n",
        "",
        "writing/test_locks.py::test_a_forked_process_does_not_hold_what_its_parent_held",
    ),
    Mutant(
        "writing/put_errors.py",
        "self._raised.setdefault(threading.current_thread(), remembered)",
        "self._raised[threading.current_thread()] = remembered",
        "writing/test_lifecycle.py::test_close_raises_the_first_error_of_a_thread",
    ),
    Mutant(
        "writing/put_errors.py",
        "{errno.ENOSPC, errno.EFBIG,",
        "{errno.ENOSPC,",
        "writing/test_failing_disks.py::test_a_frame_is_tried_once_more_whatever_there_was_no_room_for",
    ),
    Mutant(
        "writing/put_errors.py",
        "        remembered.__cause__ = remembered.__context__ = None\n",
        "",
        "writing/test_lifecycle.py::test_what_is_remembered_keeps_nothing_alive",
    ),
    Mutant(
        "writing/put_errors.py",
        "dict(coordinates), np.array(data)",
        "dict(coordinates), np.asarray(data)",
        "writing/test_failing_disks.py::test_a_frame_without_room_is_tried_once_more_before_the_next_one",
    ),
    Mutant(
        "writing/replaced.py",
        "for slot in reversed(_slots(location))",
        "for slot in _slots(location)",
        "writing/test_replacing.py::test_of_several_datasets_that_were_moved_aside_the_last_one_comes_back",
    ),
    Mutant(
        "writing/replaced.py",
        "if _has_others(location, aside):",
        "if False:",
        "writing/test_replacing.py::test_frames_of_the_new_dataset_stay_although_it_was_never_finished",
    ),
    Mutant(
        "writing/metadata_encoder.py",
        "for index in others] if is_like_last else None",
        "for index in others] if is_like_last else ()",
        "writing/test_metadata_encoder.py::test_what_has_changed_is_known_of_the_same_keys_only",
    ),
    Mutant(
        "writing/metadata_encoder.py",
        "from operator import is_not",
        "from operator import ne as is_not",
        "writing/test_metadata_encoder.py::test_values_that_are_equal_and_not_the_same",
    ),
    Mutant(
        "writing/contents.py",
        "[index.place(frame)[1] for frame in ends]",
        "[index.place(ends[0])[1]]",
        "ome/test_plane_hashes.py::test_other_checksums_are_not_in_the_xml",
    ),
]
