"""Small wrong changes of findings and text_format."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "findings.py",
        "count=known.count + 1",
        "count=known.count",
        "test_findings.py::test_repeated_findings_are_counted",
    ),
    Mutant(
        "findings.py",
        "len(self) - _MOST_LOGGED)",
        "len(self))",
        "test_findings.py::test_a_long_log_is_limited",
    ),
    Mutant(
        "text_format.py",
        "if size < 1000:",
        "if size < 1024:",
        "inspection/test_info.py::test_sizes_and_names",
    ),
    Mutant(
        "text_format.py",
        "if length_um < 1 else",
        "if length_um <= 1 else",
        "inspection/test_info.py::test_sizes_and_names",
    ),
]
