"""Python programs in processes forked from one that has imported this package, which takes a second.

Only Linux forks. Elsewhere each program runs in a new process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

_REQUEST_BYTES = 1 << 20
_LEFT_OUT = ("__main__", "bioio_plugin", "bioio_reader")
"""Modules not to import; importing bioio takes three seconds."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str] = os.environ,
    encoding: str = "utf-8",
    timeout_s: float = 120,
    is_new: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a Python program as `subprocess.run` does, and capture its output.

    Parameters
    ----------
    command
        A file of Python code and its arguments, or ``sys.executable``, maybe ``-W error``, and then these
        or ``-c``, code and arguments.
    cwd
        The folder that it runs in.
    environment
        Variables; those that Python itself reads, other than ``PYTHONIOENCODING``, may have no effect.
    encoding
        Of what it prints.
    timeout_s
        When it is killed, with `subprocess.TimeoutExpired`.
    is_new
        Whether Python starts anew, which takes a second, instead of having imported everything.
    """
    words = [str(word) for word in command]
    if is_new or sys.platform != "linux":
        return subprocess.run(
            words,
            cwd=cwd,
            env=environment,
            capture_output=True,
            encoding=encoding,
            timeout=timeout_s,
            check=False,
        )
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        request = {"words": words, "cwd": str(cwd), "environment": dict(environment)}
        status = _server().run(json.dumps(request).encode(), [output, errors], timeout_s)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode(encoding))
    return subprocess.CompletedProcess(words, status, *texts)


class _Server:
    """The process to fork; it ends with this one."""

    def __init__(self) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        atexit.register(self._end)

    def run(self, request: bytes, files: Sequence[IO[bytes]], timeout_s: float) -> int:
        """Run a process that prints into two files; return its exit status."""
        assert len(request) < _REQUEST_BYTES
        socket.send_fds(self._socket, [request], [file.fileno() for file in files])
        self._socket.settimeout(timeout_s)
        try:
            return int(self._socket.recv(100))
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            _server.cache_clear()
            raise subprocess.TimeoutExpired(json.loads(request)["words"], timeout_s) from None

    def _end(self) -> None:
        self._socket.close()
        self._process.wait(60)


@cache
def _server() -> _Server:
    return _Server()


def _serve(client: socket.socket) -> None:
    """Fork for each request and report how it ended; return in the child, or when the client has ended."""
    while True:
        data, files, _, _ = socket.recv_fds(client, _REQUEST_BYTES, 2)
        if not data:
            sys.exit()
        child = os.fork()
        if child == 0:
            client.close()
            _become(json.loads(data), files)
            return
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        client.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: Mapping[str, Any], files: Sequence[int]) -> None:
    """Adopt arguments, folder, variables and output of a request."""
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    encoding, _, handling = os.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    sys.stdout.reconfigure(encoding=encoding, errors=handling or "strict")
    sys.stderr.reconfigure(encoding=encoding)
    os.chdir(request["cwd"])
    sys.argv = [word for word in request["words"] if word != sys.executable]
    if sys.argv[:2] == ["-W", "error"]:
        del sys.argv[:2]
        warnings.simplefilter("error")


def main() -> None:
    """Import the slow modules, and serve."""
    client = socket.socket(fileno=int(sys.argv[1]))
    package = importlib.import_module("exengine_ome_tiff")
    ours = [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for name in [*ours, "ome_types", "PIL.Image"]:
        if not name.endswith(_LEFT_OUT):
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(name)
    gc.freeze()  # no collection in a child writes to memory that it shares
    _serve(client)
    try:
        _run()
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        _end(ended.code or 0)
    _end(0)


def _run() -> None:
    """Run the program that the arguments name."""
    if sys.argv[0] == "-c":
        code = sys.argv.pop(1)
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    else:
        sys.path[0] = str(Path(sys.argv[0]).parent)
        runpy.run_path(sys.argv[0], run_name="__main__")


def _end(status: int) -> None:
    """End as Python does, but without freeing the imported modules, which would first copy their memory."""
    threading._shutdown()
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
