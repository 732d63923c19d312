"""A Spark in a process of its own, that runs SQL for the tests.

Requests and replies are pickled, which keeps dates, decimals and bytes what they are: the text of a
statement, and what the function `answer` returns. Run as a program, the module is Spark's side.
"""

import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading

from java import java_home

ANSWER_SECONDS = 120


class SparkError(Exception):
    """What Spark said of a statement."""


class Spark:
    """`settings` are for all statements. The process ends with `stop`, whatever it does then."""

    def __init__(self, folder, settings):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        environment = {**os.environ, "JAVA_HOME": str(java_home()), "TZ": "UTC"}
        environment |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder)}
        with open(self.log, "wb") as log_file:
            self.process = subprocess.Popen(
                [sys.executable, pathlib.Path(__file__).resolve()],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                # A group of its own, with Java in it.
                start_new_session=True,
            )
        try:
            self._ask({**settings_of(folder), **settings})
        except BaseException:
            self.stop()
            raise

    def sql(self, text):
        """The rows of a statement, as tuples."""
        return self.query(text)[1]

    def query(self, text):
        """The columns of a statement, as pairs of name and type, and its rows."""
        return self._ask(text)

    def _ask(self, request):
        timer = threading.Timer(ANSWER_SECONDS, self._kill)
        timer.start()
        try:
            pickle.dump(request, self.process.stdin)
            self.process.stdin.flush()
            kind, content = pickle.load(self.process.stdout)
        except (EOFError, OSError):
            raise RuntimeError(f"Spark is gone:\n{self.log_text()}") from None
        finally:
            timer.cancel()
        if kind == "error":
            raise SparkError(content)
        return content

    def log_text(self):
        return self.log.read_text(errors="replace")

    def _kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def stop(self):
        self._kill()
        self.process.wait()
        for stream in [self.process.stdin, self.process.stdout]:
            try:
                stream.close()
            except BrokenPipeError:
                pass


def settings_of(folder):
    """Small, on this machine only, in one time zone."""
    java = f"-Duser.timezone=UTC -Djava.io.tmpdir={folder} -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    return {
        "spark.master": "local[1]",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "768m",
        "spark.driver.extraJavaOptions": java,
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.hadoop.hive.exec.scratchdir": f"{folder}/scratch",
        "spark.sql.catalogImplementation": "hive",
        # Moves each file once.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
    }


def serve(requests, replies):
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    conf = SparkConf().setAll(pickle.load(requests).items())
    session = SparkSession.builder.config(conf=conf).getOrCreate()
    reply(replies, "rows", None)
    while True:
        try:
            text = pickle.load(requests)
        except EOFError:
            return
        try:
            reply(replies, "rows", answer(session, text))
        # What Spark cannot do is for the test to judge.
        except Exception as error:
            reply(replies, "error", str(error))


def answer(session, text):
    frame = session.sql(text)
    columns = [(field.name, field.dataType.simpleString()) for field in frame.schema]
    return columns, [plain(row) for row in frame.collect()]


def plain(value):
    """Rows, also those within a value, as tuples; bytes as such."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return bytes(value) if isinstance(value, bytearray) else value


def reply(replies, kind, content):
    pickle.dump((kind, content), replies)
    replies.flush()


def main():
    # What Java prints goes to the log.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
