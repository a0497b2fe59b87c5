"""Running the installed command."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import warm

COMMAND = Path(sys.executable).with_name("exengine-ome-tiff.exe" if os.name == "nt" else "exengine-ome-tiff")


PARSER = "exengine_ome_tiff.cli.commands.command_parser"


@cache
def completion(shell):
    """Return shtab's completion script for a shell."""
    command = [sys.executable, "-m", "shtab", f"--shell={shell}", "--error-unimportable", PARSER]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True).stdout


def run(*arguments, cwd, encoding="utf-8"):
    """Run the command in a folder; its output is on a console of 90 columns."""
    environment = os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "90"}
    return warm.run([COMMAND, *map(str, arguments)], cwd=cwd, environment=environment, encoding=encoding)


def run_on_a_terminal(*arguments, cwd):
    """Run the command as `run` does, with stderr on a pseudo-terminal; return also what that shows."""
    import termios  # which Windows does not have

    ours, its = os.openpty()
    termios.tcsetwinsize(its, (24, 90))
    with subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=its,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "COLUMNS": "90"},
    ) as process:
        os.close(its)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # Linux says so when the other end is closed
            pass
        finally:
            os.close(ours)
        stdout, _ = process.communicate(timeout=120)
    done = subprocess.CompletedProcess(process.args, process.returncode, stdout, "")
    return done, shown.decode("utf-8", "replace")
