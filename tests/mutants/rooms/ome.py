"""Small wrong changes of ome."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "ome/image_description.py",
        "max(depths, default=0)",
        "min(depths, default=0)",
        "ome/test_fields.py::test_the_largest_bit_depth_of_an_image_counts",
    ),
    Mutant(
        "ome/image_description.py",
        "len(summary.cameras) == 1",
        "len(summary.cameras) >= 1",
        "ome/test_fields.py::test_frames_that_name_no_camera_of_two_have_none",
    ),
    Mutant(
        "ome/image_description.py",
        'frame.position_name or layout.named_labels.get("position")',
        'layout.named_labels.get("position") or frame.position_name',
        "ome/test_given.py::test_the_name_of_a_position_is_the_stage_label",
    ),
    Mutant(
        "ome/image_description.py",
        "_positive(pixel_size_um * aspect)",
        "_positive(pixel_size_um / aspect)",
        "ome/test_given.py::test_pixels_that_are_no_squares",
    ),
    Mutant(
        "ome/image_description.py",
        'if "objective" in told.disputed or (',
        "if (",
        "ome/test_fields.py::test_what_differs_within_an_image_is_written_by_plane_only",
    ),
    Mutant(
        "ome/image_description.py",
        "abs(planned - abs(step_um))",
        "abs(planned - step_um)",
        "ome/test_given.py::test_a_stack_from_above_has_the_planned_step",
    ),
    Mutant(
        "ome/image_description.py",
        "return planned if is_distance else planned * steps.step",
        "return planned * steps.step",
        "ome/test_given.py::test_indices_with_steps_of_their_own",
    ),
    Mutant(
        "ome/image_description.py",
        "_positive(frame.time_interval_s) or _positive(summary.time_interval_s)",
        "_positive(summary.time_interval_s) or _positive(frame.time_interval_s)",
        "ome/test_given.py::test_the_interval_of_frames_goes_before_that_of_the_summary",
    ),
    Mutant(
        "ome/document.py",
        "pixels.interleaved = True",
        "pixels.interleaved = False",
        "ome/test_fields.py::test_samples_of_colour_are_interleaved",
    ),
    Mutant(
        "ome/document.py",
        "acquisition.maximum_field_count = max(",
        "acquisition.maximum_field_count = min(",
        "ome/test_plate_facts.py::test_the_well_with_the_most_fields_counts",
    ),
    Mutant(
        "ome/document.py",
        'channels[index * len(channels) // layout.sizes["C"]]',
        "channels[index % len(channels)]",
        "inspection/test_info.py::test_each_channel_has_its_colour_where_an_axis_is_folded_into_channels",
    ),
    Mutant(
        "ome/document.py",
        "time if time.tzinfo is None else time.astimezone(UTC)",
        "time if time.tzinfo is None else time.replace(tzinfo=UTC)",
        "ome/test_given.py::test_the_date_is_in_utc_where_the_zone_is_known",
    ),
    Mutant(
        "ome/document.py",
        "(values.pixel_size_x_um, values.pixel_size_y_um, values.z_step_um)",
        "(values.pixel_size_y_um, values.pixel_size_x_um, values.z_step_um)",
        "ome/test_given.py::test_pixels_that_are_no_squares",
    ),
    Mutant(
        "ome/document.py",
        '("excitation", info.excitation_nm), ("emission", info.emission_nm)',
        '("excitation", info.emission_nm), ("emission", info.excitation_nm)',
        "ome/test_given.py::test_what_is_given_goes_first",
    ),
    Mutant(
        "ome/document.py",
        "acquisition.end_time = None if about.ended is None else _utc(about.ended)",
        "acquisition.end_time = None if about.started is None else _utc(about.started)",
        "ome/test_plate_facts.py::test_what_the_summary_tells_of_the_plate",
    ),
    Mutant(
        "ome/annotations.py",
        "sorted(kept, key=lambda key: sum(map(len, columns[key])))",
        "sorted(kept, key=lambda key: -sum(map(len, columns[key])))",
        "dataset/test_no_key_lost.py::test_the_shortest_columns_go_first",
    ),
    Mutant(
        "ome/annotations.py",
        "{steps.last + 1}",
        "{steps.last}",
        "writing/test_inputs.py::test_a_long_axis_of_even_steps",
    ),
    Mutant(
        "ome/planes.py",
        "image.planes[name][frames[part]]",
        "image.planes[name][part]",
        "ome/test_fields.py::test_each_image_has_the_state_of_its_frames",
    ),
    Mutant(
        "ome/planes.py",
        "append=missing.size",
        "append=len(layout.frames)",
        "dataset/test_gaps.py::test_gaps_are_black_absent_and_named",
    ),
    Mutant(
        "ome/plate.py",
        "max(well.row for well, _ in samples) + 1",
        "max(well.row for well, _ in samples)",
        "ome/test_plates.py::test_a_plate_in_ome",
    ),
    Mutant(
        "ome/plate.py",
        "enumerate(sorted(samples))",
        "enumerate(samples)",
        "ome/test_plates.py::test_a_plate_in_ome",
    ),
    Mutant(
        "ome/instruments.py",
        "gain=camera.gain, offset=camera.offset",
        "gain=camera.gain, offset=camera.gain",
        "ome/test_fields.py::test_two_cameras_by_turns",
    ),
    Mutant(
        "ome/instruments.py",
        "optional_name(camera.model)",
        "optional_name(camera.label)",
        "ome/test_given.py::test_each_channel_has_its_camera",
    ),
    Mutant(
        "ome/light_paths.py",
        'for kind in ("Excitation", "Emission")',
        'for kind in ("Emission", "Excitation")',
        "ome/test_facility.py::test_filters_by_channel",
    ),
    Mutant(
        "ome/light_paths.py",
        "m.UnitsPower.MILLIWATT",
        "m.UnitsPower.WATT",
        "ome/test_facility.py::test_light_sources",
    ),
    Mutant(
        "ome/modulo.py",
        '"End": str(steps.last)',
        '"End": str(steps.last + steps.step)',
        "dataset/test_modulo.py::test_readers_see_the_axis",
    ),
    Mutant(
        "ome/steps.py",
        "if len(numbers) > 1 else 1",
        "if len(numbers) > 1 else 0",
        "ome/test_steps.py::test_the_step_of_one_value",
    ),
    Mutant(
        "ome/steps.py",
        "np.count_nonzero(is_even) < _EVEN_STACKS * len(stacks)",
        "not is_even.any()",
        "ome/test_steps.py::test_a_stack_in_ten_may_be_uneven",
    ),
    Mutant(
        "ome/text.py",
        "json.dumps(key)[1:-1]",
        "valid_text(key)",
        "ome/test_fields.py::test_keys_that_xml_cannot_hold_stay_different",
    ),
    Mutant("ome/colors.py", 'r"[\\s_-]|fluor"', 'r"[\\s_-]"', "ome/test_given.py::test_colors_of_names"),
    Mutant(
        "ome/colors.py",
        "int(digits[2:4], 16), int(digits[4:], 16)",
        "int(digits[4:], 16), int(digits[2:4], 16)",
        "ome/test_facility.py::test_colors",
    ),
    Mutant(
        "ome/xml_reader.py", '"nm": 1e-3', '"nm": 1e3', "ome/test_xml_reader.py::test_what_a_document_says"
    ),
    Mutant(
        "ome/xml_reader.py",
        '"1" if "IFD" in data.attrib else "0"',
        '"0"',
        "ome/test_xml_reader.py::test_how_many_pages_hold_planes_where_nothing_tells",
    ),
    Mutant(
        "ome/xml_reader.py",
        "& 0xFFFFFFFF) >> 8:06X",
        "& 0xFFFFFF):06X",
        "ome/test_xml_reader.py::test_what_a_document_says",
    ),
    Mutant(
        "ome/xml_reader.py",
        'max(self.sizes["C"] // samples, 1)',
        'max(self.sizes["C"], 1)',
        "conversion/test_ome_tiff.py::test_rgb",
    ),
    Mutant(
        "ome/foreign_document.py",
        '[each for each in found if each.get("ID") in used] or found',
        "found",
        "ome/test_xml_reader.py::test_the_objective_that_images_refer_to",
    ),
]
