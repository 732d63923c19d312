//! The shell without a person, end to end.

use crate::fake_server::{State, start};
use quern_client::ConnectOptions;
use quern_client::shell::{OutputFormat, ShellInput, ShellIo, ShellOptions, exit, run_with};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// A writer whose text can be read while it is written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a run of the shell gave.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

struct Setup {
    options: ShellOptions,
    terminal: bool,
    interrupt: Arc<Notify>,
    state: Arc<State>,
}

async fn setup(script: &str) -> Setup {
    setup_on(State::default(), script).await
}

async fn setup_on(state: State, script: &str) -> Setup {
    let (address, state) = start(state).await;
    let mut options = ShellOptions::new(ConnectOptions::new(address));
    options.input = ShellInput::Text(script.to_owned());
    options.timing = false;
    Setup { options, terminal: false, interrupt: Arc::default(), state }
}

impl Setup {
    fn format(mut self, format: OutputFormat) -> Self {
        self.options.format = Some(format);
        self
    }

    fn on_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    async fn run(self) -> Ran {
        let (out, err) = (Shared::default(), Shared::default());
        let io = ShellIo {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            out_is_terminal: self.terminal,
            err_is_terminal: self.terminal,
            interrupt: self.interrupt,
        };
        let code = run_with(self.options, io).await;
        Ran { code, out: out.text(), err: err.text() }
    }
}

async fn run(script: &str) -> Ran {
    setup(script).await.run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_run_in_turn() {
    let setup = setup("SELECT 'a;b'; INSERT x; -- no more\nSELECT 2").await;
    let state = Arc::clone(&setup.state);
    let ran = setup.run().await;
    assert_eq!(ran.out, "n,text\n1,one\n2,\nn,text\n1,one\n2,\n");
    assert_eq!((ran.code, ran.err.as_str()), (exit::OK, ""));
    let calls = state.calls();
    let prepared: Vec<_> = calls.iter().filter_map(|c| c.strip_prefix("prepare ")).collect();
    assert_eq!(prepared, ["SELECT 'a;b'", "INSERT x", "SELECT 2"]);
    assert_eq!(calls.iter().filter(|c| *c == "close session").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_a_table_and_what_became_of_each_statement() {
    let script = "SELECT 1; INSERT x; CREATE TABLE t (a int); SELECT nothing";
    let ran = setup(script).await.on_terminal().run().await;
    assert_eq!(ran.out, " n | text\n---+------\n 1 | one\n 2 | NULL\n n | text\n---+------\n");
    assert_eq!(ran.err, "(2 rows)\n(3 rows written)\n(OK)\n(0 rows)\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_ends_the_script() {
    let ran = run("SELECT * FROM missing; SELECT 1").await;
    assert_eq!(ran.code, exit::FAILED);
    assert_eq!(ran.out, "");
    assert_eq!(
        ran.err,
        "Error: [TABLE_NOT_FOUND] table \"hive.default.missing\" does not exist\n\
         Hint: did you mean \"here\"?\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_goes_on_when_asked_to_and_still_fails() {
    let mut setup = setup("SELECT * FROM missing; \\nosuch\n SELECT 1").await;
    setup.options.continue_on_error = true;
    let ran = setup.run().await;
    assert_eq!(ran.code, exit::FAILED);
    assert_eq!(ran.out, "n,text\n1,one\n2,\n");
    assert!(ran.err.contains("unknown command \"\\nosuch\""), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_before_a_late_error_are_shown_and_the_query_is_named() {
    for format in [OutputFormat::Csv, OutputFormat::Aligned] {
        let ran = setup("SELECT fails late").await.format(format).run().await;
        assert_eq!(ran.code, exit::FAILED);
        assert!(ran.out.contains("one"), "{}", ran.out);
        assert_eq!(
            ran.err,
            "Error: [DIVISION_BY_ZERO] division by zero\nHint: use nullif\nQuery: query-7\n"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_writes_every_row() {
    for (format, lines) in [
        (OutputFormat::Aligned, 3_002),
        (OutputFormat::Vertical, 9_000),
        (OutputFormat::Csv, 3_001),
        (OutputFormat::Tsv, 3_001),
        (OutputFormat::Json, 3_000),
        (OutputFormat::Markdown, 3_002),
    ] {
        let ran = setup("SELECT many").await.format(format).run().await;
        assert_eq!(ran.out.lines().count(), lines, "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_never_sees_an_escape_sequence_from_data() {
    for name in OutputFormat::names() {
        let setup = setup("SELECT hostile").await.format(name.parse().unwrap());
        let ran = setup.on_terminal().run().await;
        assert!(ran.out.contains("red"), "{name}: {:?}", ran.out);
        assert!(!ran.out.contains(['\x1b', '\x07']), "{name}: {:?}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_cancels_the_statement() {
    for sql in ["SELECT forever", "SELECT silence", "INSERT forever"] {
        let mut setup = setup(&format!("{sql}; SELECT 1")).await;
        setup.options.continue_on_error = true;
        let (interrupt, state) = (Arc::clone(&setup.interrupt), Arc::clone(&setup.state));
        let running = tokio::spawn(setup.run());
        state.begun.notified().await;
        interrupt.notify_one();
        let ran = tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
        assert_eq!(ran.code, exit::CANCELLED, "{sql}");
        assert_eq!(ran.err, "Query cancelled\n");
        if sql != "SELECT forever" {
            assert_eq!(ran.out, "", "{sql}: a header without rows");
        }
        assert!(!state.calls().contains(&"prepare SELECT 1".to_owned()), "{sql}");
        let stopped = tokio::time::timeout(Duration::from_secs(5), state.stopped.notified()).await;
        assert!(stopped.is_ok(), "{sql} goes on");
        let told = state.calls().contains(&"cancel".to_owned());
        assert_eq!(told, sql.starts_with("SELECT"), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_drawn_on_a_terminal_and_erased() {
    let setup = setup("SELECT silence").await.on_terminal();
    let interrupt = Arc::clone(&setup.interrupt);
    let running = tokio::spawn(setup.run());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    interrupt.notify_one();
    let ran = running.await.unwrap();
    assert!(ran.err.contains("running  stage 1/3  splits 10/20  1.2k rows"), "{:?}", ran.err);
    assert!(ran.err.ends_with("\r\x1b[KQuery cancelled\n"), "{:?}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_connection_from_usage() {
    let mut unreachable = setup("SELECT 1").await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    unreachable.options.connect.url = listener.local_addr().unwrap().to_string();
    drop(listener);
    let ran = unreachable.run().await;
    assert_eq!(ran.code, exit::NO_CONNECTION);
    assert!(ran.err.starts_with("Error: [REMOTE_HOST_GONE] cannot connect to"), "{}", ran.err);

    let locked = State { user: Some(("ada", "secret")), ..State::default() };
    let ran = setup_on(locked, "SELECT 1").await.run().await;
    assert_eq!(ran.code, exit::NO_CONNECTION);

    let mut no_file = setup("").await;
    no_file.options.input = ShellInput::File("/no/such/file.sql".into());
    assert_eq!(no_file.run().await.code, exit::USAGE);
    assert_eq!(run("\\nosuch").await.code, exit::USAGE);
    assert_eq!(run(" -- nothing to do").await.code, exit::OK);
}

/// Takes a pipe's role when its reader has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_had_enough_ends_the_query_quietly() {
    let setup = setup("SELECT forever").await;
    let err = Shared::default();
    let io = ShellIo {
        out: Box::new(Closed),
        err: Box::new(err.clone()),
        out_is_terminal: false,
        err_is_terminal: false,
        interrupt: Arc::default(),
    };
    let code = run_with(setup.options, io);
    let code = tokio::time::timeout(Duration::from_secs(5), code).await.unwrap();
    assert_eq!((code, err.text().as_str()), (exit::OK, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_show_the_catalogue() {
    let ran = run("\\l\n\\dn\n\\c default\n\\d\n\\dt l*\n\\dt fly_*").await;
    assert_eq!(
        ran.out,
        "catalog\nhive\nsystem\n\
         catalog,schema\nhive,default\nhive,web\n\
         schema,table,type\ndefault,flights,TABLE\ndefault,fly_v,VIEW\n\
         schema,table,type\n\
         schema,table,type\ndefault,fly_v,VIEW\n"
    );
    let ran = run("\\d flights").await;
    assert_eq!(
        ran.out,
        "column,type,comment\ncarrier,varchar(3),IATA code\ndistance,bigint,\"\"\n"
    );
    let ran = run("\\d web.flights").await;
    assert_eq!(ran.code, exit::FAILED);
    assert_eq!(ran.err, "Error: [TABLE_NOT_FOUND] table \"web.flights\" does not exist\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_change_the_output() {
    let script = "\\format json\nSELECT 1;\\x\nSELECT 1;\\x\n\\pset null -\n\\format csv;\n\
                  \\pset header off\nSELECT 1;\\dm\n\\q\nSELECT 1";
    let ran = run(script).await;
    assert_eq!(
        ran.out,
        "{\"n\":1,\"text\":\"one\"}\n{\"n\":2,\"text\":null}\n\
         -[ RECORD 1 ]---------------------------\nn    | 1\ntext | one\n\
         -[ RECORD 2 ]---------------------------\nn    | 2\ntext | NULL\n\
         1,one\n2,-\n1,one\n2,-\n"
    );
    assert_eq!(ran.code, exit::OK);
    for wrong in ["\\format xml", "\\pset pager maybe", "\\set a", "\\c", "\\d a b", "\\pset x"] {
        assert_eq!(run(wrong).await.code, exit::USAGE, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_change_the_session() {
    let ran = run("\\c web\n\\set execution_mode local\n\\set\n\\conninfo\n\\set wrong x").await;
    assert!(ran.out.starts_with("name,value\nexecution_mode,local\nschema,web\n"), "{}", ran.out);
    assert!(ran.out.contains("Server:  Fake 1.2 at http://127.0.0.1:"), "{}", ran.out);
    assert!(ran.out.contains("Schema:  web\n"), "{}", ran.out);
    assert_eq!(
        ran.err,
        "Error: [INVALID_SESSION_PROPERTY] session property \"wrong\" is unknown\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let (script, output) = (folder.path().join("s.sql"), folder.path().join("out.csv"));
    std::fs::write(&script, "SELECT 1;\n\\o\nSELECT 2;").unwrap();
    let ran = run(&format!("\\o {}\n\\i {}\nSELECT 3", output.display(), script.display())).await;
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "n,text\n1,one\n2,\n");
    assert_eq!(ran.out, "n,text\n1,one\n2,\n".repeat(2));

    std::fs::write(&script, format!("\\i {}", script.display())).unwrap();
    let ran = run(&format!("\\i {}", script.display())).await;
    assert_eq!(ran.code, exit::USAGE);
    assert_eq!(ran.err, "Error: files include each other too deeply\n");

    std::fs::write(&script, "SELECT * FROM missing;").unwrap();
    let ran = run(&format!("\\i {}\nSELECT 1", script.display())).await;
    assert_eq!((ran.code, ran.out.as_str()), (exit::FAILED, ""));
}
