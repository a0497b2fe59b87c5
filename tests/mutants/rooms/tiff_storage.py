"""Small wrong changes of TiffStorage."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "tiff_storage.py",
        "            errors.survived()",
        "            pass",
        "writing/test_lifecycle.py::test_close_does_not_raise_what_the_same_thread_lived_through",
    ),
    Mutant(
        "tiff_storage.py",
        "checksums=checksums, fsync=fsync)\n        absolute",
        "checksums=checksums)\n        absolute",
        "writing/test_failing_disks.py::test_nobody_waits_for_the_disk_who_does_not_want_to",
    ),
]
