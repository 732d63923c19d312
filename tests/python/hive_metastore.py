"""A metastore of Hive's in a process of its own: version 2.3.9, with its database in memory."""

import pathlib
import subprocess

from java import JARS, java_home
from quern_process import PROJECT

# The JDK compiles it in memory.
SOURCE = PROJECT / "catalog" / "tests" / "it" / "hive_server" / "LoopbackMetastore.java"
# Packages that Hadoop and Hive reach into, which Java closed after their time.
OPENED = ["java.lang", "java.lang.reflect", "java.net", "java.util", "java.io"]


class HiveMetastore:
    """A server on a free port, whose warehouse is `folder`. It ends with the test's process."""

    def __init__(self, folder, log):
        self.log = pathlib.Path(log)
        command = ["setpriv", "--pdeathsig", "KILL", "--", java_home() / "bin" / "java"]
        command += ["-Xmx512m", "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={folder}"]
        command += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        with open(self.log, "wb") as log_file:
            self.process = subprocess.Popen(
                [*command, "-cp", JARS / "*", SOURCE],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log_file,
            )
        # Ends when the process does.
        port = self.process.stdout.readline().decode().strip()
        if not port:
            self.stop()
            raise RuntimeError(f"Hive's metastore did not start:\n{self.log_text()}")
        self.uri = f"thrift://127.0.0.1:{port}"

    def log_text(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
