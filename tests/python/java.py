"""Java 17 for the processes of Spark and Hive, whose jars are those of PyPI's pyspark."""

import os
import pathlib

import pyspark

JARS = pathlib.Path(pyspark.__file__).parent / "jars"
# Where Debian's packages put Java.
JVMS = pathlib.Path("/usr/lib/jvm")


def java_home():
    """The folder of a JDK 17, which is the newest that Hive 2.3 was tried with."""
    if "JAVA_HOME" in os.environ:
        return pathlib.Path(os.environ["JAVA_HOME"])
    found = sorted(jvm for jvm in JVMS.glob("*17*") if (jvm / "bin" / "javac").is_file())
    if not found:
        raise RuntimeError("there is no JDK 17: `cargo xtask ci` installs one, or set JAVA_HOME")
    return found[-1]
