"""Small wrong changes of tiff."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "tiff/appender.py",
        "differences(part, axis=1)",
        "differences(part, axis=0)",
        "tiff/test_encoded_pages.py::test_pixels_and_tags_are_those_of_tifffile",
    ),
    Mutant(
        "tiff/appender.py",
        "whole = np.zeros((self.height",
        "whole = np.ones((self.height",
        "tiff/test_encoded_pages.py::test_pixels_and_tags_are_those_of_tifffile",
    ),
    Mutant(
        "tiff/appender.py",
        "len(encoded) == refused_nbytes",
        "not encoded",
        "dataset/test_matrix.py::test_zstd_with_as_many_bytes_as_pixels",
    ),
    Mutant(
        "tiff/appender.py",
        "self._kinds[pixels] = _EncodedKind(",
        "_EncodedKind(",
        "tiff/test_encoded_pages.py::test_tifffile_writes_the_first_page_of_each_kind_and_no_other",
    ),
    Mutant(
        "tiff/appender.py",
        "accumulate(sizes, initial=at)",
        "accumulate([sizes[0]] * len(sizes), initial=at)",
        "tiff/test_encoded_pages.py::test_incompressible_pixels_have_space_and_strips_differ_in_length",
    ),
    Mutant(
        "tiff/file_tail.py",
        "if end - start >= least_nbytes:",
        "if end > start:",
        "writing/test_write_back.py::test_each_file_is_written_back_in_steps",
    ),
    Mutant("tiff/checksums.py", ":08x}", ":x}", "tiff/test_checksums.py::test_leading_zeros_are_kept"),
    Mutant(
        "tiff/block_records.py",
        "if len(notes) != pages + 1 or notes[-1]:",
        "if len(notes) != pages + 1:",
        "tiff/test_records.py::test_decode_refuses_other_bytes",
    ),
    Mutant(
        "tiff/block_records.py",
        "if checksums and len(checksums) != pages:",
        "if checksums and len(checksums) < pages:",
        "tiff/test_records.py::test_decode_refuses_other_bytes",
    ),
    Mutant(
        "tiff/block_records.py",
        'if b"%08x" % zlib.crc32(text) != reference[3]:',
        "if len(text) != nbytes:",
        "tiff/test_records.py::test_a_reference_to_changed_bytes_is_kept",
    ),
    Mutant(
        "tiff/block_records.py",
        "if len(text) >= _REPEATED_NBYTES:",
        "if text:",
        "tiff/test_records.py::test_short_items_that_differ_do_not_repeat_the_others",
    ),
    Mutant(
        "tiff/block_records.py",
        "left -= nbytes",
        "left -= 0",
        "tiff/test_records.py::test_references_cannot_make_a_note_longer_than_the_file",
    ),
    Mutant(
        "tiff/chain.py",
        "if max(map(add, offsets, counts), default=0) > size:",
        "if max(offsets, default=0) > size:",
        "tiff/test_chain.py::test_pixels_beyond_the_end_of_the_file_are_refused",
    ),
    Mutant(
        "tiff/chain.py",
        "if entry.length <= len(entry.value):",
        "if entry.length < len(entry.value):",
        "tiff/test_chain.py::test_tags_inside_and_outside_the_entry_are_read",
    ),
    Mutant(
        "tiff/decode.py",
        "np.cumsum(pixels, axis=1",
        "np.cumsum(pixels, axis=0",
        "writing/test_coding.py::test_frames_are_read_back_at_any_time",
    ),
    Mutant(
        "tiff/decode.py",
        "_THREADED_BYTES = 1 << 20",
        "_THREADED_BYTES = 1",
        "tiff/test_decode.py::test_only_large_pages_use_several_threads",
    ),
    Mutant(
        "tiff/decode.py",
        "expected = -(-height // rows) * n_across",
        "expected = (height // rows) * n_across",
        "writing/test_coding.py::test_frames_are_read_back_at_any_time",
    ),
    Mutant(
        "tiff/decode.py",
        "decompress(data, nbytes + 1)",
        "decompress(data, nbytes)",
        "tiff/test_file_tail.py::test_a_page_that_decompresses_to_too_many_bytes_is_refused",
    ),
    Mutant(
        "tiff/file_tail.py",
        (
            "            if at > self._end:\n"
            "                buffer[self._end - start : at - start] = bytes(at - self._end)\n"
        ),
        "",
        "tiff/test_file_tail.py::test_padding_to_multiples_of_eight_is_zero",
    ),
    Mutant(
        "tiff/file_tail.py",
        "        return self._waiting is waiting\n",
        "        return True\n",
        "tiff/test_file_tail.py::test_bytes_written_during_a_read_are_read_from_the_file",
    ),
    Mutant(
        "tiff/file_tail.py",
        "            self._pool.give_back(waiting.buffer)\n",
        "",
        "tiff/test_file_tail.py::test_buffers_return_to_the_pool_once_written",
    ),
    Mutant(
        "tiff/journal_file.py",
        "[block.checksums[handle] for handle in handles if block.checksums]",
        "[*block.checksums.values()]",
        "tiff/test_file_tail.py::test_a_failed_frame_leaves_nothing_in_its_block",
    ),
    Mutant(
        "tiff/journal_file.py",
        "                    self._waiting_nbytes -= nbytes\n",
        "",
        "tiff/test_file_tail.py::test_a_failed_frame_leaves_nothing_in_its_block",
    ),
    Mutant(
        "tiff/journal_reader.py",
        "                if last.offset == head.last_at:\n                    break\n",
        "",
        "repair/test_recovery.py::test_a_link_without_target_is_cut",
    ),
    Mutant(
        "tiff/journal_reader.py",
        "at + record.pixels.nbytes <= size",
        "at <= size",
        "repair/test_recovery.py::test_a_page_with_missing_pixels_is_left_out",
    ),
    Mutant(
        "tiff/page_coding.py",
        '"zstd": (1, 22)',
        '"zstd": (1, 19)',
        "writing/test_coding.py::test_lowest_and_highest_compression_levels",
    ),
    Mutant(
        "tiff/page_coding.py",
        '"zlib": (0, 9)',
        '"zlib": (1, 9)',
        "writing/test_coding.py::test_lowest_and_highest_compression_levels",
    ),
    Mutant(
        "tiff/page_coding.py",
        "_TILE_MULTIPLE = 16",
        "_TILE_MULTIPLE = 8",
        "writing/test_coding.py::test_invalid_options_are_refused_before_anything_is_created",
    ),
    Mutant(
        "tiff/page_coding.py",
        'pixels.stored_dtype.kind in "iu":',
        'pixels.stored_dtype.kind in "iuf":',
        "writing/test_coding.py::test_frames_are_read_back_at_any_time",
    ),
    Mutant(
        "tiff/page_coding.py",
        "height * width > LARGE_AREA_PX",
        "height * width >= LARGE_AREA_PX",
        "dataset/test_pyramids.py::test_large_frames_get_a_pyramid_by_default",
    ),
    Mutant(
        "tiff/pixels.py",
        "samples[..., [2, 1, 0, 3][: self.samples]] = stored",
        "samples[..., [0, 1, 2, 3][: self.samples]] = stored",
        "dataset/test_packed_pixels.py::test_readers_see_rgb_and_float_and_storage_returns_words",
    ),
    Mutant(
        "tiff/pixels.py",
        "(data >> bits).any()",
        "(data >> bits).all()",
        "dataset/test_packed_pixels.py::test_readers_see_rgb_and_float_and_storage_returns_words",
    ),
    Mutant(
        "tiff/pyramid.py",
        "        total += 2\n",
        "",
        "tiff/test_pyramid.py::test_integers_are_means_with_halves_rounded_up",
    ),
    Mutant(
        "tiff/pyramid.py",
        "if min(height, width) < 2:",
        "if max(height, width) < 2:",
        "tiff/test_pyramid.py::test_no_pyramid_levels_without_pixels",
    ),
    Mutant(
        "tiff/final_chain.py",
        "        file.truncate(start)\n",
        "",
        "tiff/test_chain.py::test_a_full_disk_leaves_the_file_unchanged",
    ),
    Mutant(
        "tiff/final_chain.py",
        "behind += ifd(with_entries(copy, [reduced]), 0)",
        "behind += ifd(copy, 0)",
        "dataset/test_pyramids.py::test_a_pyramid_with_gaps",
    ),
    Mutant(
        "tiff/page_bounds.py",
        "self._stops[at - 1] > start",
        "self._stops[at - 1] >= start",
        "conversion/test_ome_tiff.py::test_several_files_that_name_each_other",
    ),
    Mutant(
        "tiff/disk.py",
        "rest, offset = rest[written:], offset + written",
        "rest = rest[written:]",
        "writing/test_failing_disks.py::test_errors_and_short_writes_at_random",
    ),
    Mutant(
        "tiff/disk.py",
        "        file.truncate(start)\n        raise",
        "        raise",
        "tiff/test_file_tail.py::test_a_partial_reservation_is_released",
    ),
    Mutant(
        "tiff/micromanager.py",
        "for row in self._index if row[-1]]",
        "for row in self._index]",
        "conversion/test_micromanager.py::test_index_entries_without_a_page",
    ),
    Mutant(
        "tiff/final_chain.py",
        "                if fsync:\n                    journal.sync_file(file)\n",
        "",
        "writing/test_failing_disks.py::test_finish_syncs_before_it_updates_the_header",
    ),
    Mutant(
        "tiff/smaller_copies.py",
        "Window(top, 0, min(top + step, height), width)",
        "Window(0, 0, min(step, height), width)",
        "writing/test_copies_in_put.py::test_frames_in_quick_succession_are_left_to_finish",
    ),
    Mutant(
        "tiff/smaller_copies.py",
        "data[top : top + step]",
        "data[:step]",
        "writing/test_copies_in_put.py::test_finish_reads_no_frame_that_came_after_a_pause",
    ),
    Mutant(
        "tiff/smaller_copies.py",
        "if pause_s < pixels.nbytes",
        "if pause_s > pixels.nbytes",
        "writing/test_copies_in_put.py::test_a_frame_needs_a_pause_for_its_size",
    ),
    Mutant(
        "tiff/smaller_copies.py",
        "except (OSError, OmeTiffError, MemoryError) as",
        "except (OmeTiffError, MemoryError) as",
        "writing/test_copies_in_put.py::test_a_disk_without_room_for_copies",
    ),
    Mutant(
        "tiff/smaller_copies.py",
        "[len(copies) :]",
        "[:]",
        "writing/test_copies_in_put.py::test_any_write_may_fail",
    ),
    Mutant(
        "tiff/smaller_copies.py",
        "half[top : top + len(rows)] = rows",
        "half[: len(rows)] = rows",
        "writing/test_copies_in_put.py::test_finish_reads_no_frame_that_came_after_a_pause",
    ),
    Mutant(
        "tiff/journal_file.py",
        (
            "        try:\n"
            "            self.tail.write_waiting()\n"
            "        except OSError:\n"
            "            self.tail.take_back(end)\n"
            "            raise\n"
            "        was_certain, self.is_link_certain = self.is_link_certain, False\n"
            "        try:\n"
            "            self.tail.link(self.link_at, ifd_at)\n"
        ),
        (
            "        was_certain, self.is_link_certain = self.is_link_certain, False\n"
            "        try:\n"
            "            self.tail.link(self.link_at, ifd_at)\n"
            "            self.tail.write_waiting()\n"
        ),
        "repair/test_write_order.py::test_after_every_call_readers_find_complete_pages_and_promised_frames",
    ),
    Mutant(
        "tiff/journal_file.py",
        "        self.sync_file(self.file.writable())",
        "        pass",
        "repair/test_write_order.py::test_a_lost_write_costs_no_promised_frame",
    ),
    Mutant(
        "tiff/journal_file.py",
        "return any(self.file.read(self.link_at, chain.OFFSET.size))",
        "return False",
        "writing/test_lying_disks.py::test_link_that_was_written_despite_an_error",
    ),
    Mutant(
        "tiff/journal_file.py",
        "return any(self.file.read(self.link_at, chain.OFFSET.size))",
        "return True",
        "tiff/test_failed_writes.py::test_links_that_fail_do_not_make_the_file_longer",
    ),
    Mutant(
        "tiff/appender.py",
        "            self._writer = None  # it has lost track",
        "            pass  # it has lost track",
        "tiff/test_failed_writes.py::test_a_writer_of_tifffile_that_failed_is_not_used_again",
    ),
    Mutant(
        "tiff/disk.py",
        "            return\n        rest = rest[written:]",
        "            return\n        return",
        "writing/test_failing_disks.py::test_errors_and_short_writes_at_random",
    ),
    Mutant(
        "tiff/disk.py",
        (
            "            for piece in [data] if isinstance(data, bytes) else data:\n"
            "                write_all(file, piece)\n"
            "            if fsync:\n                sync_file(file)\n"
        ),
        (
            "            if fsync:\n                sync_file(file)\n"
            "            for piece in [data] if isinstance(data, bytes) else data:\n"
            "                write_all(file, piece)\n"
        ),
        "writing/test_order_of_changes.py::test_a_small_file_is_synced_with_all_its_bytes_under_its_temporary_name",
    ),
    Mutant(
        "tiff/disk.py",
        "            raise\n    finally:\n        os.close(descriptor)",
        "            pass\n    finally:\n        os.close(descriptor)",
        "writing/test_order_of_changes.py::test_a_folder_that_is_not_on_the_disk_is_an_error",
    ),
    Mutant(
        "tiff/journal_reader.py",
        '    _check(record.is_intact is not False, f"{where} has',
        '    _check(True, f"{where} has',
        "repair/test_damaged_blocks.py::test_a_damaged_last_block_is_left_out",
    ),
    Mutant(
        "tiff/journal_reader.py",
        '    _check(ifd.is_sorted, f"{where}',
        '    _check(True, f"{where}',
        "repair/test_damaged_blocks.py::test_a_damaged_last_block_is_left_out",
    ),
    Mutant(
        "tiff/final_chain.py",
        "is_last=number == count",
        "is_last=number == count - 1",
        "repair/test_validation.py::test_a_new_dataset_is_valid",
    ),
    Mutant(
        "tiff/file_tail.py",
        "            self.take_back(self._start)  # the rest",
        "            pass  # the rest",
        "tiff/test_failed_writes.py::test_pages_that_fail_leave_nothing_behind_the_end",
    ),
    Mutant(
        "tiff/journal_file.py",
        ("                    if self.is_link_certain:\n                        tail.take_back(end)\n"),
        "                    tail.take_back(end)\n",
        "writing/test_after_errors.py::test_nothing_is_written_over_a_page_that_may_be_linked",
    ),
    Mutant(
        "tiff/final_chain.py",
        "            if chain.first_offset(file) != journal.chain_at:",
        "            if True:",
        "writing/test_after_errors.py::test_the_final_chain_is_written_once",
    ),
    Mutant(
        "tiff/disk.py",
        "errno.ENOSYS, errno.EINVAL, errno.ENOTTY)",
        "errno.ENOSYS, errno.ENOTTY)",
        "tiff/test_disk.py::test_file_systems_that_cannot_reserve",
    ),
    Mutant(
        "tiff/journal_file.py",
        ("        self.tail.link(self.link_at, 0)\n        self.last_at = None"),
        "        self.last_at = None",
        "writing/test_resuming.py::test_resuming_clears_a_link_to_a_missing_page_at_once",
    ),
    Mutant(
        "tiff/checksums.py",
        '    return checksum(expected.partition(":")[0], bands) == expected',
        '    return checksum(expected.partition(":")[0], bands)[:9] == expected[:9]',
        "tiff/test_checksums.py::test_each_digit_counts",
    ),
]
