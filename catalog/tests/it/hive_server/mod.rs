//! A metastore of Hive's for one test: version 2.3.9, out of the jars that PyPI's pyspark has.

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Started from its source, which the JDK compiles in memory.
const SOURCE: &str = include_str!("LoopbackMetastore.java");
/// Where Debian's packages put Java.
const JVMS: &str = "/usr/lib/jvm";
/// Packages that Hadoop and Hive reach into, which Java closed after their time.
const OPENED: &[&str] = &["java.lang", "java.lang.reflect", "java.net", "java.util", "java.io"];
/// A folder of the package pyspark that is not in the Python environment of the tests.
const PYSPARK: &str = "QUERN_TEST_PYSPARK";

/// A server on a free port, with its database in memory. It ends with the test, whatever becomes
/// of that.
pub(crate) struct HiveServer {
    child: Child,
    uri: String,
    _dir: tempfile::TempDir,
}

impl HiveServer {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    /// When it cannot be started; `cargo xtask test` installs what is needed.
    pub(crate) fn start() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let log = dir.path().join("log");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(java()).args(["-Xmx512m"]);
        command.args(OPENED.iter().map(|name| format!("--add-opens=java.base/{name}=ALL-UNNAMED")));
        command.arg("-Djava.net.preferIPv4Stack=true");
        command.arg(format!("-Djava.io.tmpdir={}", dir.path().display()));
        command.arg("-cp").arg(pyspark()?.join("jars").join("*"));
        let source = dir.path().join("LoopbackMetastore.java");
        std::fs::write(&source, SOURCE)?;
        command.arg(source);
        command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(std::fs::File::create(&log)?);
        let mut child = command.spawn()?;
        let mut port = String::new();
        // Ends when the process does.
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut port)?;
        }
        let uri = format!("thrift://127.0.0.1:{}", port.trim());
        let server = Self { child, uri, _dir: dir };
        let log = std::fs::read_to_string(log).unwrap_or_default();
        match port.is_empty() {
            true => Err(io::Error::other(format!("Hive's metastore does not start:\n{log}"))),
            false => Ok(server),
        }
    }

    /// Where it is.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }
}

impl Drop for HiveServer {
    fn drop(&mut self) {
        // A process that is gone already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Java 17, which is the newest that Hive 2.3 was tried with.
fn java() -> PathBuf {
    if let Some(home) = variable("JAVA_HOME") {
        return home.join("bin").join("java");
    }
    let installed = std::fs::read_dir(JVMS).into_iter().flatten().flatten();
    let mut found: Vec<_> = installed
        .filter(|entry| entry.file_name().to_string_lossy().contains("17"))
        .map(|entry| entry.path().join("bin").join("java"))
        .filter(|java| java.with_file_name("javac").is_file())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from("java"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn pyspark() -> io::Result<PathBuf> {
    if let Some(folder) = variable(PYSPARK) {
        return Ok(folder);
    }
    // The program is in the target folder, and so is the environment of the Python tests.
    let program = std::env::current_exe()?;
    let libraries = program.ancestors().map(|dir| dir.join("python-tests").join("lib"));
    let pythons = libraries.flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten().flatten());
    let mut found = pythons.map(|python| python.path().join("site-packages").join("pyspark"));
    let missing = || format!("no pyspark: run cargo xtask test, or set {PYSPARK}");
    found.find(|folder| folder.is_dir()).ok_or_else(|| io::Error::other(missing()))
}
