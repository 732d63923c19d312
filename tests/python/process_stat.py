"""What /proc says about processes."""

import os
import pathlib
import time

TICK = os.sysconf("SC_CLK_TCK")
# Of one core. Heartbeats and the tests' own questions take less, any query takes more.
IDLE = 0.1
INTERVAL_SECONDS = 0.4


def cpu_seconds(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    # The name, in parentheses, may contain anything.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def load(processes, seconds=INTERVAL_SECONDS):
    """The share of a core that processes take together, over some seconds."""
    pids = [process.process.pid for process in processes]
    start, before = time.monotonic(), sum(map(cpu_seconds, pids))
    time.sleep(seconds)  # The length of the measurement.
    return (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - start)


def assert_idle_within(processes, seconds):
    """Fails unless the processes stop working within some seconds from now."""
    end = time.monotonic() + seconds
    measured = []
    # The interval that proves it may reach beyond the limit; its beginning may not.
    while time.monotonic() <= end:
        measured.append(load(processes))
        if measured[-1] < IDLE:
            return
    raise AssertionError(f"after {seconds} s still busy: {measured}")
