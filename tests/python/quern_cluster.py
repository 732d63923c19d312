"""A scheduler and two executors, each a process."""

import quern_process
from conftest import connect, wait_until


class Cluster:
    def __init__(self, folder, flags=(), environment=None):
        self.folder, self.flags, self.environment = folder, flags, environment
        self.scheduler = quern_process.scheduler(
            folder / "scheduler", *flags, environment=environment
        )
        self.executors = []
        try:
            for _ in range(2):
                self.add_executor()
            wait_until(lambda: self.n_executors() == 2, seconds=30)
        except BaseException:
            self.stop()
            raise

    def add_executor(self):
        internal = self.scheduler.addresses["internal"]
        folder = self.folder / f"executor-{len(self.executors)}"
        executor = quern_process.executor(
            folder, internal, *self.flags, environment=self.environment
        )
        self.executors.append(executor)

    def n_executors(self):
        with connect(self.scheduler) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM system.runtime.nodes WHERE NOT coordinator")
            return cursor.fetchone()[0]

    def stop(self):
        for executor in self.executors:
            executor.kill()
        self.scheduler.kill()
