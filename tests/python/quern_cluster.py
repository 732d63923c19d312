"""A scheduler and its executors, each a process."""

from contextlib import contextmanager

import quern_process
from conftest import connect, wait_until

MODES = ["local", "pipelined", "staged"]
DISTRIBUTED = ["pipelined", "staged"]


class Cluster:
    """`flags` are for all processes, each of `executor_flags` for one executor."""

    def __init__(self, folder, flags=(), environment=None, executor_flags=((), ())):
        self.folder, self.flags, self.environment = folder, flags, environment
        self.executor_flags = executor_flags
        self.scheduler = quern_process.scheduler(
            folder / "scheduler", *flags, environment=environment
        )
        self.executors = []
        try:
            for _ in executor_flags:
                self.add_executor()
            self.wait_for_executors(len(executor_flags))
        except BaseException:
            self.stop()
            raise

    def add_executor(self):
        self.executors.append(self._start_executor(len(self.executors)))

    def restart_executor(self, n):
        """Starts executor `n`, which was killed, in the folder that it left."""
        self.executors[n] = self._start_executor(n)

    def _start_executor(self, n):
        flags = [*self.flags, *self.executor_flags[n % len(self.executor_flags)]]
        internal, folder = self.scheduler.addresses["internal"], self.folder / f"executor-{n}"
        return quern_process.executor(folder, internal, *flags, environment=self.environment)

    def n_executors(self):
        rows = ask(self, "SELECT count(*) FROM system.runtime.nodes WHERE NOT coordinator", "local")
        return rows[0][0]

    def wait_for_executors(self, n, seconds=30):
        wait_until(lambda: self.n_executors() == n, seconds=seconds)

    def processes(self):
        return [self.scheduler, *self.executors]

    def stop(self):
        for executor in self.executors:
            executor.kill()
        self.scheduler.kill()


@contextmanager
def cursor_in(server, mode, schema="default"):
    """A cursor of a session of its own, whose queries run in `mode`."""
    with connect(server) as connection, connection.cursor() as cursor:
        connection.adbc_current_db_schema = schema
        cursor.execute(f"SET SESSION execution_mode = '{mode}'")
        yield cursor


def ask(cluster, sql, mode, schema="default"):
    with cursor_in(cluster.scheduler, mode, schema) as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
