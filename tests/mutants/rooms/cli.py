"""Small wrong changes of cli."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "cli/validate.py",
        "asdict, problems)])\n        return 1 if problems else 0",
        "asdict, problems)])\n        return 0",
        "repair/test_validation.py::test_the_validate_command_names_file_page_and_fix",
    ),
    Mutant(
        "cli/convert.py",
        "return 0 if done.is_complete else 1",
        "return 0",
        "cli/test_conversion_commands.py::test_skipped_frames_are_reported",
    ),
    Mutant(
        "cli/convert.py",
        "if done.differences == ():",
        "if not done.differences:",
        "cli/test_conversion_commands.py::test_only_a_verified_result_is_reported_as_verified",
    ),
    Mutant(
        "cli/convert.py",
        "value is not None and value is not False}",
        "value}",
        "cli/test_conversion_commands.py::test_only_a_verified_result_is_reported_as_verified",
    ),
    Mutant(
        "cli/commands.py",
        'interrupted", file=sys.stderr)\n        return 130',
        'interrupted", file=sys.stderr)\n        return 1',
        "cli/test_conversion_commands.py::test_after_ctrl_c_there_is_no_output_and_the_next_run_resumes",
    ),
    Mutant(
        "cli/progress.py",
        "self._bar.update(done - self._bar.n)",
        "self._bar.update(done)",
        "test_cli.py::test_demo_shows_its_progress_on_a_terminal",
    ),
    Mutant(
        "cli/demo.py",
        "str(error) if options.overwrite else",
        "str(error) if not options.overwrite else",
        "test_cli.py::test_demo_replaces_only_with_overwrite",
    ),
    Mutant(
        "cli/preview.py",
        "{drawn.times} of {drawn.all_times} time points",
        "{drawn.times} of {drawn.times} time points",
        "cli/test_inspection_commands.py::test_preview_reports_how_many_time_points_it_shows",
    ),
    Mutant(
        "text_format.py",
        "\\x00-\\x09\\x0b-\\x1f",
        "\\x00-\\x09\\x0b-\\x1a",
        "cli/test_inspection_commands.py::test_control_characters_do_not_reach_the_terminal",
    ),
]
