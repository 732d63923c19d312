//! The `\` commands.

use crate::shell::exec::{Stop, Watch};
use crate::shell::render::OutputFormat;
use crate::shell::text::escape_to_line;
use crate::shell::{Flow, Shell};
use quern_common::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

const HELP: &str = "\
Statements end with ; and may take several lines. Ctrl-C cancels a running statement.

\\d [TABLE]           tables of the current schema, or the columns of a table
\\dt [PATTERN]        tables whose name fits PATTERN (* and ? stand for anything)
\\dn                  schemas
\\l                   catalogs
\\dm                  models
\\c [CATALOG.]SCHEMA  change the current schema
\\set [NAME VALUE]    set a session property, or show all
\\format FORMAT       aligned, vertical, csv, tsv, json or markdown
\\x                   vertical output on or off
\\pset null TEXT      show NULL as TEXT
\\pset pager on|off   page long results
\\pset header on|off  column names in CSV and TSV
\\timing [on|off]     show how long statements take
\\i FILE              run the statements in FILE
\\o [FILE]            write results to FILE, or to the screen again
\\conninfo            server, user and current schema
\\?                   this text
\\q                   leave
";

impl Shell {
    /// Runs a command line, without its backslash.
    pub(super) async fn run_command(&mut self, line: &str) -> Result<Flow, Stop> {
        let line = line.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        let (name, args) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let args = args.trim();
        match name {
            "q" | "quit" => return Ok(Flow::Quit),
            "?" | "h" | "help" => self.say(HELP)?,
            "d" if args.is_empty() => self.list_tables("*").await?,
            "d" => self.describe_table(args).await?,
            "dt" => self.list_tables(if args.is_empty() { "*" } else { args }).await?,
            "dn" => self.list_schemas().await?,
            "l" => self.list_catalogs().await?,
            "dm" => self.run_statement("SHOW MODELS").await?,
            "c" => self.change_schema(args).await?,
            "set" => self.set_property(args).await?,
            "format" => self.set_format(args)?,
            "x" => self.toggle_vertical()?,
            "pset" => self.set_printing(args)?,
            "timing" => {
                self.settings.timing = on_or_off(args, self.settings.timing)?;
                let state = if self.settings.timing { "on" } else { "off" };
                self.confirm(&format!("Timing is {state}."))?;
            }
            "i" => return Ok(Flow::Include(read_script(needed(args, "i", "FILE")?)?)),
            "o" => self.redirect_to(args)?,
            "conninfo" => self.connection_info().await?,
            other => {
                let message = format!("unknown command \"\\{other}\"; \\? shows the commands");
                return Err(Stop::Usage(message));
            }
        }
        Ok(Flow::Continue)
    }

    /// Writes a text of the shell's own.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Stop> {
        self.io.out.write_all(text.as_bytes())?;
        Ok(self.io.out.flush()?)
    }

    /// Tells a person at a terminal what a command set.
    fn confirm(&mut self, text: &str) -> Result<(), Stop> {
        if self.interactive && self.io.err_is_terminal {
            writeln!(self.io.err, "{text}")?;
        }
        Ok(())
    }

    async fn change_schema(&mut self, args: &str) -> Result<(), Stop> {
        let name = needed(args, "c", "[CATALOG.]SCHEMA")?;
        self.run_statement(&format!("USE {name}")).await?;
        self.names.forget_session();
        Ok(())
    }

    async fn set_property(&mut self, args: &str) -> Result<(), Stop> {
        let connection = self.connection.clone();
        if args.is_empty() {
            let options = Watch::new(&mut self.io).step(connection.session_options()).await?;
            let (names, values) =
                options.into_iter().map(|(name, value)| (name, value.to_string())).unzip();
            return self.write_texts(&["name", "value"], vec![names, values]);
        }
        let Some((name, value)) = args.split_once(char::is_whitespace) else {
            return Err(Stop::Usage("\\set needs a name and a value".to_owned()));
        };
        let pair = [(name, value.trim())];
        Watch::new(&mut self.io).step(connection.set_session_options(&pair)).await?;
        self.names.forget_session();
        Ok(())
    }

    fn set_format(&mut self, args: &str) -> Result<(), Stop> {
        let format: OutputFormat = args.parse().map_err(|error: Error| {
            Stop::Usage(format!("{}: {}", error.message(), error.hint().unwrap_or_default()))
        })?;
        self.settings.format = format;
        if format != OutputFormat::Vertical {
            self.settings.format_before_vertical = format;
        }
        self.confirm(&format!("Output format is {format}."))
    }

    fn toggle_vertical(&mut self) -> Result<(), Stop> {
        self.settings.format = match self.settings.format {
            OutputFormat::Vertical => self.settings.format_before_vertical,
            _ => OutputFormat::Vertical,
        };
        self.confirm(&format!("Output format is {}.", self.settings.format))
    }

    fn set_printing(&mut self, args: &str) -> Result<(), Stop> {
        let (name, value) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
        let value = value.trim();
        match name {
            "pager" => self.settings.paging = on_or_off(value, self.settings.paging)?,
            "header" => self.settings.header = on_or_off(value, self.settings.header)?,
            "null" => self.settings.null = Some(value.to_owned()),
            "format" => self.set_format(value)?,
            _ => {
                let message = "\\pset takes pager, header, null or format";
                return Err(Stop::Usage(message.to_owned()));
            }
        }
        Ok(())
    }

    fn redirect_to(&mut self, args: &str) -> Result<(), Stop> {
        if let Some(mut file) = self.redirect.take() {
            file.flush()?;
        }
        if !args.is_empty() {
            let file = File::create(args)
                .map_err(|err| Stop::Usage(format!("cannot write \"{args}\": {err}")))?;
            self.redirect = Some(Box::new(BufWriter::new(file)));
        }
        Ok(())
    }

    async fn connection_info(&mut self) -> Result<(), Stop> {
        let connection = self.connection.clone();
        let info = Watch::new(&mut self.io).step(connection.server_info()).await?;
        // A server without sessions has no current schema.
        let (catalog, schema) = self.names.session().await.unwrap_or_default();
        let or_none = |text: Option<&str>| text.map_or_else(|| "(none)".to_owned(), escape_to_line);
        let text = format!(
            "Server:  {} {} at {}\nUser:    {}\nCatalog: {}\nSchema:  {}\n",
            escape_to_line(&info.name),
            escape_to_line(&info.version),
            connection.url(),
            or_none(self.user.as_deref()),
            or_none(catalog.as_deref()),
            or_none(schema.as_deref()),
        );
        self.say(&text)
    }
}

fn read_script(path: &str) -> Result<String, Stop> {
    std::fs::read_to_string(path)
        .map_err(|err| Stop::Usage(format!("cannot read \"{path}\": {err}")))
}

fn needed<'a>(args: &'a str, command: &str, what: &str) -> Result<&'a str, Stop> {
    if args.is_empty() {
        return Err(Stop::Usage(format!("\\{command} needs {what}")));
    }
    Ok(args)
}

/// Reads `on` or `off`; nothing turns round what is set.
fn on_or_off(text: &str, set: bool) -> Result<bool, Stop> {
    match text {
        "" => Ok(!set),
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Stop::Usage(format!("\"{other}\" is neither on nor off"))),
    }
}
