"""Processes to be killed and interrupted, forked from one that has imported everything.

Each is a process of its own, and runs as ``python -c CODE ARGUMENTS`` would: it ends by itself, by a signal, or by
`SystemExit`. It only does not import again what the others have imported. `Forks` asks for them over a socket; this
file, run as a program, is the process that they are forked from.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The command line.
COMMAND = "from traceql.__main__ import program; program()"
_SIZE = 1 << 16
_SECONDS = 120
# What an ingest imports while it runs.
_IMPORTED = (
    *("pyarrow.ipc", "pyarrow.parquet", "numpy", "traceql.cli", "traceql.database"),
    *("traceql.store.decode", "traceql.store.ingest", "traceql.read.nsys_export", "traceql.read.ncu_rep"),
)


class Fork:
    """A forked process; SIGALRM ends it after two minutes."""

    def __init__(self, forks: Forks, pid: int, streams: Sequence[int]) -> None:
        self.pid = pid
        self._forks = forks
        self.stdout, self.stderr = (os.fdopen(stream, encoding="utf-8") for stream in streams)
        self._status: int | None = None

    def poll(self) -> int | None:
        """Exit status, or less than 0 for a signal; None while it runs."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int:
        """As `poll`, when it has ended."""
        status = self._ended(0)
        assert status is not None
        return status

    def send_signal(self, sent: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sent)

    def kill(self) -> None:
        """End it where it is."""
        self.send_signal(signal.SIGKILL)

    def said(self) -> str:
        """What it wrote to standard error, to the end."""
        return self.stderr.read()

    def close(self) -> None:
        """End it if it runs."""
        self.kill()
        self.wait()
        self.stdout.close()
        self.stderr.close()

    def _ended(self, options: int) -> int | None:
        if self._status is None:
            self._status = self._forks.ask({"wait": self.pid, "options": options})
        return self._status

    def __enter__(self) -> Fork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Forks:
    """The process that others are forked from.

    Args:
        decoded: reports that it decodes once, for those forked from it to find them decoded.
    """

    def __init__(self, *decoded: Path) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with other:
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno()), *map(str, decoded)],
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
            )
        assert self.ask({}) == 0

    def start(self, *arguments: str | Path, code: str = COMMAND) -> Fork:
        """Start a process.

        Args:
            arguments: after the name of the program.
            code: that it runs.
        """
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        try:
            pid = self.ask({"code": code, "arguments": [str(a) for a in arguments]}, [out_end, err_end])
        finally:
            os.close(out_end)
            os.close(err_end)
        assert pid
        return Fork(self, pid, (out, err))

    def ask(self, request: dict[str, Any], streams: Sequence[int] = ()) -> int | None:
        """Have the process answer a request."""
        socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
        answer: int | None = json.loads(self._socket.recv(_SIZE))
        return answer

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._server.wait()

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- the process itself ---------------------------------------------------------------------------------


def _prepare(reports: Sequence[str]) -> None:
    """Import what an ingest needs, and decode reports for those who come."""
    import importlib

    for name in _IMPORTED:
        importlib.import_module(name)
    if reports:
        import decoded

        from traceql.store import decode

        # Of one report at a time: a thread does not survive the fork.
        decode.worker = decoded.ONCE  # type: ignore[assignment]
        for report in reports:
            decode.decode(Path(report)).close()


def _forked(asked: socket.socket) -> str:
    """Fork whenever that is asked for; returns in a forked process, with the code that it is to run."""
    while True:
        message, streams, _, _ = socket.recv_fds(asked, _SIZE, 2)
        if not message:
            sys.exit()
        request = json.loads(message)
        answer: int | None = 0
        if "code" in request:
            answer = os.fork()
            if answer == 0:
                os.dup2(streams[0], 1)
                os.dup2(streams[1], 2)
                asked.close()
                sys.argv[1:] = request["arguments"]
                signal.alarm(_SECONDS)
            for stream in streams:
                os.close(stream)
            if answer == 0:
                code: str = request["code"]
                return code
        elif "wait" in request:
            ended, status = os.waitpid(request["wait"], request["options"])
            answer = os.waitstatus_to_exitcode(status) if ended else None
        asked.send(json.dumps(answer).encode())


if __name__ == "__main__":
    _prepare(sys.argv[2:])
    with contextlib.closing(socket.socket(fileno=int(sys.argv[1]))) as _socket:
        _CODE = _forked(_socket)
    exec(_CODE, {"__name__": "__main__"})
