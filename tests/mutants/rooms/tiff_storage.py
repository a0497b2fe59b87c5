"""Small wrong changes of TiffStorage."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "tiff_storage.py",
        "self._awaited.frames = count = recorder.frame_count",
        "count = recorder.frame_count",
        "writing/test_lifecycle.py::test_await_new_image_returns_true_for_an_earlier_frame",
    ),
    Mutant(
        "tiff_storage.py",
        "            errors.survived()",
        "            pass",
        "writing/test_lifecycle.py::test_close_does_not_raise_errors_its_thread_survived",
    ),
    Mutant(
        "tiff_storage.py",
        (
            "        except (OmeTiffError, OSError, ImportError):\n"
            "            held.lock.release()\n"
            "            raise"
        ),
        "        except (OmeTiffError, OSError, ImportError):\n            raise",
        "writing/test_resuming.py::test_datasets_that_cannot_be_resumed",
    ),
    Mutant(
        "tiff_storage.py",
        "        if error is not None:\n            self._errors.log_remembered()\n",
        "",
        "writing/test_lifecycle.py::test_context_manager_does_not_raise_an_error_of_put_again",
    ),
    Mutant(
        "tiff_storage.py",
        "Safety(checksums=checksums, fsync=fsync, checkpoint=checkpoint)",
        "Safety(checksums=checksums, checkpoint=checkpoint)",
        "writing/test_failing_disks.py::test_no_fsync_without_the_option",
    ),
]
