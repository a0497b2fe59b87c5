"""Small wrong changes of cli."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "cli/convert.py",
        "return 0 if done.is_complete else 1",
        "return 0",
        "cli/test_conversion_commands.py::test_what_could_not_be_carried_over_is_told",
    ),
    Mutant(
        "cli/demo.py",
        "str(error) if options.overwrite else",
        "str(error) if not options.overwrite else",
        "test_cli.py::test_demo_replaces_only_when_told",
    ),
    Mutant(
        "cli/output.py",
        "\\x00-\\x09\\x0b-\\x1f",
        "\\x00-\\x09\\x0b-\\x1a",
        "cli/test_inspection_commands.py::test_control_characters_do_not_reach_the_terminal",
    ),
]
