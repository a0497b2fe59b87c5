"""Small wrong changes of writing."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "writing/checkpoint.py",
        "smaller={}",
        "smaller=journal.smaller",
        "writing/test_copies_in_put.py::test_a_checkpoint_shows_frames_without_copies",
    ),
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
        "writing/test_resuming.py::test_record_numbers_continue_across_sessions",
    ),
    Mutant(
        "writing/recorder.py",
        "waiting = self._files.waiting() if failed is not None else set[int]()",
        "waiting = set[int]()",
        "writing/test_durability.py::test_a_file_whose_frames_could_not_be_written_is_not_finished",
    ),
    Mutant(
        "writing/recorder.py",
        "at_once=pause_s > SLOW_S",
        "at_once=pause_s < SLOW_S",
        "writing/test_durability.py::test_slow_frames_after_fast_ones_are_written_at_once",
    ),
    Mutant(
        "writing/recorder.py",
        (
            "                if fsync:\n"
            "                    sync_names(self._recording.location, self._claim.new_folders)\n"
        ),
        "",
        "writing/test_failing_disks.py::test_flush_syncs_on_request",
    ),
    Mutant(
        "writing/recorder.py",
        "        replacement.delete(self._recording.location)\n",
        "",
        "writing/test_replacing.py::test_killed_before_each_change",
    ),
    Mutant(
        "writing/claim.py",
        "lock, location, *find_dataset(path, is_logged=False)",
        "lock, location, paths, header",
        "repair/test_recovery.py::test_files_created_before_the_lock_are_recovered_too",
    ),
    Mutant(
        "writing/claim.py",
        "{location.folder, *(folder.parent for folder in new_folders)}",
        "{location.folder}",
        "writing/test_failing_disks.py::test_finish_syncs_before_it_updates_the_header",
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
        "writing/test_durability.py::test_times_in_the_documentation",
    ),
    Mutant(
        "writing/error_log.py",
        "        self._logged_s[kind] = now_s\n",
        "",
        "writing/test_states.py::TestFlusher::test_survives_any_error_and_logs_it_once",
    ),
    Mutant(
        "writing/finalize.py",
        "write_whole(location.companion, contents.companion_xml(), fsync=fsync)",
        "write_whole(location.companion, contents.companion_xml(), fsync=False)",
        "writing/test_failing_disks.py::test_finish_syncs_before_it_updates_the_header",
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
        "writing/test_failing_disks.py::test_other_positions_are_finished_when_one_fails",
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
        "writing/test_failing_disks.py::test_flush_syncs_on_request",
    ),
    Mutant(
        "writing/files.py",
        "path.unlink(missing_ok=True)  # or",
        "pass  # or",
        "writing/test_failing_disks.py::test_disk_that_is_full_from_the_start",
    ),
    Mutant(
        "writing/files.py",
        "                self._recording.location.file(*place)  # reserves its name\n",
        "",
        "writing/test_resuming.py::test_file_names_differ_in_more_than_case",
    ),
    Mutant(
        "writing/lock.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "writing/test_locks.py::test_other_processes_cannot_disturb_the_writer",
    ),
    Mutant(
        "writing/lock.py",
        "        _held.add(self)\n",
        "",
        "writing/test_locks.py::test_forked_process_does_not_hold_the_lock",
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
        "writing/test_failing_disks.py::test_frame_is_retried_after_any_error_of_a_full_disk",
    ),
    Mutant(
        "writing/put_errors.py",
        "        remembered.__cause__ = remembered.__context__ = None\n",
        "",
        "writing/test_lifecycle.py::test_remembered_errors_keep_nothing_alive",
    ),
    Mutant(
        "writing/put_errors.py",
        "dict(coordinates), np.array(data)",
        "dict(coordinates), np.asarray(data)",
        "writing/test_failing_disks.py::test_frame_without_room_is_retried_before_the_next_one",
    ),
    Mutant(
        "writing/replacement.py",
        "for slot in reversed(_slots(location))",
        "for slot in _slots(location)",
        "writing/test_replacing.py::test_last_of_several_moved_datasets_is_restored",
    ),
    Mutant(
        "writing/replacement.py",
        "if _has_others(location, aside):",
        "if False:",
        "writing/test_replacing.py::test_unfinished_new_dataset_keeps_its_frames",
    ),
    Mutant(
        "writing/metadata_encoder.py",
        "for index in others] if is_like_last else None",
        "for index in others] if is_like_last else ()",
        "writing/test_metadata_encoder.py::test_changes_are_tracked_for_the_same_keys_only",
    ),
    Mutant(
        "writing/metadata_encoder.py",
        "from operator import is_not",
        "from operator import ne as is_not",
        "writing/test_metadata_encoder.py::test_equal_values_of_different_types",
    ),
    Mutant(
        "writing/contents.py",
        "[index.place(frame)[1] for frame in ends]",
        "[index.place(ends[0])[1]]",
        "ome/test_plane_hashes.py::test_other_checksums_are_not_in_the_xml",
    ),
    Mutant(
        "writing/files.py",
        "            except OSError as error:\n                errors.append(error)\n        return errors",
        "            except OSError:\n                pass\n        return errors",
        "writing/test_failing_disks.py::test_other_positions_are_finished_when_one_fails",
    ),
    Mutant(
        "writing/recorder.py",
        "        if errors:\n            raise errors[0]\n        self._flusher.forget()",
        "        self._flusher.forget()",
        "writing/test_failing_disks.py::test_other_positions_continue_when_one_fails",
    ),
    Mutant(
        "writing/checkpoint.py",
        ('        with journal.file.reopened("r+b", buffering=0) as opened:\n            opened.seek(at)\n'),
        (
            "        with held():\n"
            "            journal.tail.link(chain.FIRST_IFD_AT, at)\n"
            '        with journal.file.reopened("r+b", buffering=0) as opened:\n'
            "            opened.seek(at)\n"
        ),
        "repair/test_write_order.py::test_after_every_call_readers_find_complete_pages_and_promised_frames",
    ),
    Mutant(
        "writing/checkpoint.py",
        "            if fsync and was_there:\n                sync_folder(location.folder)\n",
        "",
        (
            "writing/test_order_of_changes.py::test_a_companion_is_deleted_on_the_disk_before_the_pages_that_it_lists"
        ),
    ),
    Mutant(
        "writing/checkpoint.py",
        "                location.companion.unlink(missing_ok=True)\n",
        "                pass\n",
        "writing/test_order_of_changes.py::test_no_companion_lists_pages_of_an_earlier_checkpoint",
    ),
    Mutant(
        "writing/finalize.py",
        "            stale.unlink()\n            if fsync:\n                sync_folder(location.folder)\n",
        "            stale.unlink()\n",
        (
            "writing/test_order_of_changes.py::test_a_companion_is_deleted_on_the_disk_before_the_pages_that_it_lists"
        ),
    ),
    Mutant(
        "writing/recorder.py",
        "        replacement.delete(self._recording.location)\n        self._claim.lock.release()\n",
        "        self._claim.lock.release()\n        replacement.delete(self._recording.location)\n",
        "writing/test_order_of_changes.py::test_all_changes_are_made_under_the_lock",
    ),
    Mutant(
        "writing/claim.py",
        "    lock.follow(moved)\n",
        "",
        "writing/test_order_of_changes.py::test_all_changes_are_made_under_the_lock",
    ),
    Mutant(
        "writing/lock.py",
        (
            '        if os.name != "nt":\n'
            "            with suppress(OSError):  # a remaining file does no harm\n"
            "                self._path.unlink()  # before another process can lock it\n"
            "        self.close()\n"
        ),
        (
            "        self.close()\n"
            '        if os.name != "nt":\n'
            "            with suppress(OSError):  # a remaining file does no harm\n"
            "                self._path.unlink()  # before another process can lock it\n"
        ),
        "writing/test_order_of_changes.py::test_all_changes_are_made_under_the_lock",
    ),
    Mutant(
        "writing/checkpoint.py",
        "        if errors:\n            raise errors[0]\n",
        "",
        "writing/test_checkpoint_conflicts.py::test_checkpoint_of_a_deleted_file",
    ),
    Mutant(
        "writing/checkpoint.py",
        ("        if errors and len(left_out) == len(frames.index.files):\n            raise errors[0]\n"),
        "",
        "writing/test_after_errors.py::test_a_checkpoint_in_time_of_files_that_cannot_be_written_is_reported",
    ),
    Mutant(
        "writing/recorder.py",
        "                self._next_number = number + (not journal.is_link_certain)\n",
        "                self._next_number = number\n",
        "writing/test_after_errors.py::test_no_two_frames_get_the_number_of_a_frame_that_may_be_linked",
    ),
    Mutant(
        "writing/recorder.py",
        "                self._is_consistent = was_consistent  # the frame was not taken\n",
        "",
        "writing/test_after_errors.py::test_other_files_are_finished_after_a_put_that_failed",
    ),
    Mutant(
        "writing/rescue.py",
        ("        saved.commit()\n        saved.sync()\n"),
        "        saved.commit()\n",
        "writing/test_lost_files.py::test_saved_frames_are_on_the_disk",
    ),
    Mutant(
        "writing/flusher.py",
        ("            if not self._is_stopped:\n                self._flush()"),
        "            self._flush()",
        "writing/test_after_errors.py::test_a_flusher_that_was_stopped_while_it_waited_for_the_lock_writes_nothing",
    ),
    Mutant(
        "writing/put_errors.py",
        "            self._raised.pop(threading.current_thread(), None)",
        "            pass",
        "writing/test_after_errors.py::test_close_does_not_raise_an_error_that_an_ended_thread_survived",
    ),
    Mutant(
        "writing/checkpoint.py",
        ("        finally:\n            self._lock.release()\n        return True"),
        ("        finally:\n            pass\n        return True"),
        "writing/test_checkpoint_thread.py::test_a_checkpoint_can_follow_one_of_the_thread",
    ),
    Mutant(
        "writing/checkpointer.py",
        "                self._count_before = count\n",
        "                pass\n",
        "writing/test_checkpoint_thread.py::test_there_is_no_checkpoint_without_new_frames",
    ),
    Mutant(
        "writing/claim.py",
        "        patiently(partial(path.rename, aside))\n        logger",
        "        logger",
        "writing/test_resuming.py::test_a_file_that_lost_its_first_frame_makes_way_for_a_new_one",
    ),
    Mutant(
        "writing/put_errors.py",
        "frame = self._second.pop(0)",
        "frame = self._second.pop()",
        "writing/test_after_errors.py::test_frames_without_room_are_put_again_in_their_order",
    ),
    Mutant(
        "writing/rescue.py",
        "                decode_metadata(note)\n",
        "                pass\n",
        "writing/test_lost_files.py::test_a_frame_whose_record_is_cut_off_is_reported",
    ),
    Mutant(
        "writing/lock.py",
        "            path.unlink()  # or the target",
        "            pass  # or the target",
        "hostile/test_hostile_files.py::test_a_lock_that_is_a_link",
    ),
]
