"""Small wrong changes of TiffStorage."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "tiff_storage.py",
        "self._awaited.frames = count = recorder.frame_count",
        "count = recorder.frame_count",
        "writing/test_lifecycle.py::test_await_new_image_returns_true_for_a_frame_that_came_before",
    ),
    Mutant(
        "tiff_storage.py",
        "            errors.survived()",
        "            pass",
        "writing/test_lifecycle.py::test_close_does_not_raise_what_the_same_thread_lived_through",
    ),
    Mutant(
        "tiff_storage.py",
        (
            "        except (OmeTiffError, OSError, ImportError):\n"
            "            held.lock.release()\n"
            "            raise"
        ),
        "        except (OmeTiffError, OSError, ImportError):\n            raise",
        "writing/test_resuming.py::test_what_cannot_be_gone_on_with",
    ),
    Mutant(
        "tiff_storage.py",
        "        if error is not None:\n            self._errors.log_remembered()\n",
        "",
        "writing/test_lifecycle.py::test_context_manager_raises_what_put_raised_only_once",
    ),
    Mutant(
        "tiff_storage.py",
        "Safety(checksums=checksums, fsync=fsync, checkpoint=checkpoint)",
        "Safety(checksums=checksums, checkpoint=checkpoint)",
        "writing/test_failing_disks.py::test_nobody_waits_for_the_disk_who_does_not_want_to",
    ),
]
