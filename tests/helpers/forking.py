"""Commands whose imports are paid once: a process that has made them forks another one for each command.

A command is a process of its own as ever, with its own words, folder, environment and streams, and it ends as any
other does. What it would import is there already, but for MPI and PETSc, which start when they are imported. What a
start has to do with (variables that are read by it, closed streams, ranks) is tested with new processes.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MESSAGE = 2**20
_IMPORTED = (
    "hpcbbp.cli.app", "hpcbbp.cli.asked", "hpcbbp.cli.campaign", "hpcbbp.cli.demo", "hpcbbp.cli.figure",
    "hpcbbp.cli.predict", "hpcbbp.cli.slurm", "hpcbbp.cli.solve", "hpcbbp.cli.tables", "hpcbbp.cli.theory",
    "hpcbbp.analysis", "hpcbbp.campaign.export", "hpcbbp.campaign.job", "hpcbbp.figures.paper",
    "hpcbbp.figures.theory", "hpcbbp.report.page", "hpcbbp.slurm.script", "hpcbbp.solvers.methods", "hpcbbp.theory",
    "numpy.testing", "pandas", "rich.progress",
)  # fmt: skip
_COMPILED = (
    ("data", ()), ("theory.finite", ()), ("solvers.deferred", ("float64", "float64")),
    ("solvers.deferred", ("float32", "float32")),
)  # fmt: skip


class Forker:
    """The process that forks, started when the first command is asked for; one command at a time."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that forks: it may be left running, its commands may not."""
        return None if self.process is None else self.process.pid

    def run(
        self, words: list[str], cwd: str, environment: dict[str, str], timeout: float, kill: Callable[[int], None]
    ) -> subprocess.CompletedProcess[str]:
        """`python -m hpcbbp WORDS`; subprocess.TimeoutExpired, and nothing left of it, after so many seconds."""
        connection = self._connected()
        out, err = os.pipe(), os.pipe()
        request = json.dumps({"words": words, "cwd": cwd, "environment": environment}).encode()
        socket.send_fds(connection, [request], [out[1], err[1]])
        os.close(out[1])
        os.close(err[1])
        answer = connection.recv(_MESSAGE)
        assert answer, "the process that forks commands has ended; what it had to say is on standard error"
        pid = json.loads(answer)
        try:
            texts = _read((out[0], err[0]), time.monotonic() + timeout)
        except BaseException as error:  # what hangs does not outlive its test
            kill(pid)
            connection.recv(_MESSAGE)
            if isinstance(error, TimeoutError):
                raise subprocess.TimeoutExpired(["hpcbbp", *words], timeout) from None
            raise
        finally:
            os.close(out[0])
            os.close(err[0])
        code = json.loads(connection.recv(_MESSAGE))
        return subprocess.CompletedProcess(["hpcbbp", *words], code, *texts)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            words = [sys.executable, __file__, str(far.fileno())]
            self.process = subprocess.Popen(words, pass_fds=[far.fileno()], stdin=subprocess.DEVNULL)
            far.close()
            atexit.register(self.close)
        return self._socket

    def close(self) -> None:
        """End it: it does so when nobody is left to ask."""
        if self._socket is not None and self.process is not None:
            self._socket.close()
            self.process.wait(30)
            self._socket = self.process = None


def _read(pipes: tuple[int, int], deadline: float) -> list[str]:
    """What comes out of both until they are closed; TimeoutError after the deadline."""
    parts: dict[int, list[bytes]] = {pipe: [] for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                data = os.read(key.fd, 2**16)
                parts[key.fd].append(data)
                if not data:
                    selector.unregister(key.fd)
    return [b"".join(parts[pipe]).decode() for pipe in pipes]


def _serve(connection: socket.socket) -> dict[str, Any]:
    """Fork for each request, and say how it ended. Returns in the new process, with its request."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE, 2)
        if not data:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            connection.close()
            for number, descriptor in enumerate(descriptors, 1):
                os.dup2(descriptor, number)
                os.close(descriptor)
            request: dict[str, Any] = json.loads(data)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(json.dumps(pid).encode())
        _, status = os.waitpid(pid, 0)
        connection.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())


def _status(command: Callable[[], object]) -> int:
    """The exit status that Python would end with; what it would print goes to standard error."""
    try:
        command()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(status: int) -> None:
    """As Python ends, but for taking apart all that was imported: that would copy most of the memory first."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def main() -> None:
    """Import, serve; in each process forked: run the command."""
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]
    for name in _IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    started = [name for name in ("mpi4py.MPI", "petsc4py.PETSc", "slepc4py.SLEPc") if name in sys.modules]
    assert not started, f"{started}: a process that is to be forked has started it"
    for name, kind in _COMPILED:
        sys.modules[f"hpcbbp.{name}.kernels"].prepare(*kind)
    gc.collect()
    gc.freeze()
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.argv = ["hpcbbp", *request["words"]]
    _end(_status(lambda: runpy.run_module("hpcbbp", run_name="__main__", alter_sys=True)))


if __name__ == "__main__":
    main()
