"""Small wrong changes of tiff."""

from mutant import Mutant

MUTANTS = [
    Mutant("tiff/checksums.py", ":08x}", ":x}", "tiff/test_checksums.py::test_leading_zeros_are_kept"),
    Mutant(
        "tiff/records.py",
        "if len(notes) != pages + 1 or notes[-1]:",
        "if len(notes) != pages + 1:",
        "tiff/test_records.py::test_decode_refuses_what_is_no_record",
    ),
    Mutant(
        "tiff/records.py",
        "if checksums and len(checksums) != pages:",
        "if checksums and len(checksums) < pages:",
        "tiff/test_records.py::test_decode_refuses_what_is_no_record",
    ),
    Mutant(
        "tiff/chain.py",
        "if offset + count > size:",
        "if offset > size:",
        "tiff/test_chain.py::test_pixels_beyond_the_end_of_the_file_are_refused",
    ),
    Mutant(
        "tiff/chain.py",
        "if entry.length <= len(entry.value):",
        "if entry.length < len(entry.value):",
        "tiff/test_chain.py::test_tags_are_read_whether_they_fit_into_the_entry_or_not",
    ),
    Mutant(
        "tiff/decode.py",
        "np.cumsum(part, axis=1",
        "np.cumsum(part, axis=0",
        "writing/test_coding.py::test_frames_are_read_back_at_any_time",
    ),
    Mutant(
        "tiff/decode.py",
        "expected = -(-height // rows) * -(-width // columns)",
        "expected = (height // rows) * (width // columns)",
        "writing/test_coding.py::test_frames_are_read_back_at_any_time",
    ),
    Mutant(
        "tiff/file_tail.py",
        "            self._pool.give_back(waiting.buffer)\n",
        "",
        "tiff/test_file_tail.py::test_memory_goes_back_to_the_pool_when_its_bytes_are_in_the_file",
    ),
    Mutant(
        "tiff/journal_reader.py",
        "                if last.offset == head.last_at:\n                    break\n",
        "",
        "repair/test_recovery.py::test_a_link_to_nothing_is_cut",
    ),
    Mutant(
        "tiff/journal_reader.py",
        "at + record.pixels.nbytes <= size",
        "at <= size",
        "repair/test_recovery.py::test_whatever_is_cut_off_is_left_out_and_the_rest_is_recovered",
    ),
    Mutant(
        "tiff/page_coding.py",
        '"zstd": (1, 22)',
        '"zstd": (1, 19)',
        "writing/test_coding.py::test_the_outermost_levels",
    ),
    Mutant(
        "tiff/page_coding.py",
        '"zlib": (0, 9)',
        '"zlib": (1, 9)',
        "writing/test_coding.py::test_the_outermost_levels",
    ),
    Mutant(
        "tiff/page_coding.py",
        "_TILE_MULTIPLE = 16",
        "_TILE_MULTIPLE = 8",
        "writing/test_coding.py::test_what_cannot_be_is_refused_before_anything_is_made",
    ),
    Mutant(
        "tiff/page_coding.py",
        'pixels.stored_dtype.kind in "iu":',
        'pixels.stored_dtype.kind in "iuf":',
        "writing/test_coding.py::test_frames_are_read_back_at_any_time",
    ),
    Mutant(
        "tiff/final_chain.py",
        "        file.truncate(start)\n",
        "",
        "tiff/test_chain.py::test_a_full_disk_leaves_the_file_as_it_was",
    ),
    Mutant(
        "tiff/page_bounds.py",
        "self._stops[at - 1] > start",
        "self._stops[at - 1] >= start",
        "conversion/test_ome_tiff.py::test_several_files_that_name_each_other",
    ),
    Mutant(
        "tiff/disk.py",
        "        file.truncate(start)\n        raise",
        "        raise",
        "tiff/test_file_tail.py::test_room_that_could_be_reserved_in_part_is_given_back",
    ),
    Mutant(
        "tiff/micromanager.py",
        "for row in self._index if row[-1]]",
        "for row in self._index]",
        "conversion/test_micromanager.py::test_entries_of_the_index_that_lead_to_no_page",
    ),
    Mutant(
        "tiff/final_chain.py",
        "resolution_entries(sizes_um[size], 1 << number)",
        "resolution_entries(sizes_um[size])",
        "tiff/test_resolution.py::test_smaller_copies_have_larger_pixels",
    ),
]
