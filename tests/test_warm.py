"""A program in a forked process behaves as in a new process."""

import subprocess
import sys

import pytest

import warm

CODE = """
import atexit, os, sys, threading, time, warnings
atexit.register(print, "the end")
print(sys.argv[1:], __name__, os.getcwd(), os.environ["OF_TEST"], "µ")
print("told", file=sys.stderr)
if sys.argv[1] == "raise":
    raise ValueError("wrong")
if sys.argv[1] == "warn":
    warnings.warn("old", DeprecationWarning)
if sys.argv[1] == "kill":
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
if sys.argv[1] == "exit":
    sys.exit(3)

class Owner:
    def __del__(self, say=print):
        say("collected")

owner = Owner()
owner.myself = owner
threading.Thread(target=lambda: (time.sleep(0.05), print("late"))).start()
"""


@pytest.mark.parametrize("what", ["exit", "return", "raise", "warn", "kill"])
@pytest.mark.parametrize("form", ["code", "file"])
def test_a_forked_process_equals_a_new_one(tmp_path, monkeypatch, form, what):
    monkeypatch.setenv("OF_TEST", "text")
    (tmp_path / "program.py").write_text(CODE, "utf-8")
    program = ["-c", CODE] if form == "code" else [tmp_path / "program.py"]
    command = [sys.executable, "-W", "error", *program, what]
    done = warm.run(command, cwd=tmp_path)
    new = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (new.returncode, new.stdout)
    assert done.stderr.splitlines()[:1] == ["told"]
    assert done.stderr.splitlines()[-1] == new.stderr.splitlines()[-1]


def test_a_process_that_takes_too_long_is_killed(tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run([sys.executable, "-c", "import time; time.sleep(60)"], cwd=tmp_path, timeout_s=0.5)
    assert warm.run([sys.executable, "-c", "print(1)"], cwd=tmp_path).stdout == "1\n"
