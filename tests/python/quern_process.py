"""Starts and stops `quern` processes."""

import json
import os
import pathlib
import signal
import subprocess
import threading

PROJECT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 20


def quern_binary():
    path = os.environ.get("QUERN_BIN")
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError("QUERN_BIN must name the quern program: run `cargo xtask python`")
    return path


class Process:
    """A running server process and the addresses that it printed."""

    def __init__(self, arguments, log, environment=None):
        self.log = pathlib.Path(log)
        self._log_file = open(self.log, "wb")
        self.process = subprocess.Popen(
            [quern_binary(), *map(str, arguments), "--print-addresses"],
            cwd=PROJECT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
        )
        self.addresses = json.loads(self._first_line())

    def _first_line(self):
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            self.kill()
            raise RuntimeError(f"{self.process.args} did not start:\n{self.log_text()}")
        return line

    def log_text(self):
        return self.log.read_text(errors="replace")

    @property
    def uri(self):
        return f"grpc://{self.addresses['flight_sql']}"

    def stop(self):
        """Asks the process to end and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError(f"SIGTERM did not end {self.process.args}") from None
        self._close()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self):
        self.process.stdout.close()
        self._log_file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            code = self.stop()
            assert code == 0, f"exit code {code}:\n{self.log_text()}"


def serve(folder, *arguments, command="serve", listen="127.0.0.1:0", environment=None):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["--data-dir", folder / "data"]
    flags += ["--flight-sql-listen", listen, "--http-listen", "127.0.0.1:0"]
    return Process([command, *flags, *arguments], folder / "log", environment)


def scheduler(folder, *arguments, environment=None):
    # The tables of tests are small: without the setting nothing would be divided.
    divide = ["--set", "query.pipelined_partition_size=1kB"]
    flags = ["--internal-listen", "127.0.0.1:0", *divide, *arguments]
    return serve(folder, *flags, command="scheduler", environment=environment)


def executor(folder, internal, *arguments, environment=None):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["--scheduler", internal, "--data-dir", folder / "data"]
    flags += ["--internal-listen", "127.0.0.1:0"]
    return Process(["executor", *flags, *arguments], folder / "log", environment)
