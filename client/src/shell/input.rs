//! The line editor: reads a statement of several lines, or a command of one.

use crate::shell::completion::NameCompleter;
use crate::shell::highlight::SqlHighlighter;
use crate::shell::splitter::split;
use crate::shell::text::escape_to_line;
use crate::shell::{Flow, Shell, ShellOptions, exit, history};
use futures::FutureExt;
use reedline::{
    ColumnarMenu, DefaultHinter, EditCommand, Emacs, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal,
    ValidationResult, Validator, default_emacs_keybindings,
};
use std::borrow::Cow;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

const COMPLETION_MENU: &str = "completion_menu";
/// The prompt does not wait longer for the current schema's name.
const PATIENCE: Duration = Duration::from_secs(2);

impl Shell {
    /// Reads and runs input until the user leaves; returns the exit code.
    pub(super) async fn interact(&mut self, options: &ShellOptions) -> i32 {
        let mut editor = self.editor(options);
        self.greet().await;
        loop {
            let prompt = self.prompt().await;
            let read = tokio::task::spawn_blocking(move || {
                let signal = editor.read_line(&prompt);
                (editor, signal)
            });
            let Ok((returned, signal)) = read.await else { return exit::FAILED };
            editor = returned;
            match signal {
                Ok(Signal::Success(text)) => {
                    // A Ctrl-C from before this statement is not meant for it.
                    let _ = self.io.interrupt.notified().now_or_never();
                    if self.run_script(&text).await.flow == Flow::Quit {
                        return exit::OK;
                    }
                    let _ = self.io.out.flush();
                }
                Ok(Signal::CtrlD) => return exit::OK,
                Ok(_) => {}
                Err(err) => {
                    let _ = writeln!(self.io.err, "Error: cannot read input: {err}");
                    return exit::FAILED;
                }
            }
        }
    }

    async fn greet(&mut self) {
        let info = tokio::time::timeout(PATIENCE, self.connection.server_info()).await;
        let server = match info {
            Ok(Ok(info)) if !info.name.is_empty() => format!("{} {}", info.name, info.version),
            _ => "server".to_owned(),
        };
        let _ = writeln!(
            self.io.err,
            "Connected to {} at {}. \\? shows the commands, Ctrl-D leaves.",
            escape_to_line(server.trim()),
            self.connection.url()
        );
    }

    async fn prompt(&mut self) -> SqlPrompt {
        let session = tokio::time::timeout(PATIENCE, self.names.session()).await;
        let schema = match session {
            Ok(Ok((_, Some(schema)))) => format!("quern:{}", escape_to_line(&schema)),
            _ => "quern".to_owned(),
        };
        SqlPrompt { left: schema }
    }

    fn editor(&mut self, options: &ShellOptions) -> Reedline {
        let completer =
            NameCompleter { names: Arc::clone(&self.names), runtime: Handle::current() };
        let menu = ColumnarMenu::default()
            .with_name(COMPLETION_MENU)
            .with_marker("> ")
            .with_word_chars("_$");
        let mut editor = Reedline::create()
            .use_bracketed_paste(true)
            .with_ansi_colors(options.color)
            .with_validator(Box::new(SqlValidator))
            .with_highlighter(Box::new(SqlHighlighter { color: options.color }))
            .with_hinter(Box::new(DefaultHinter::default()))
            .with_completer(Box::new(completer))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
            .with_quick_completions(true)
            .with_partial_completions(true)
            .with_edit_mode(Box::new(Emacs::new(keys())))
            .with_history_exclusion_prefix(Some(" ".to_owned()));
        if let Some(file) = &options.history_file {
            match history::open(file) {
                Ok(history) => editor = editor.with_history(Box::new(history)),
                Err(err) => {
                    let file = file.display();
                    let _ = writeln!(self.io.err, "No history is kept: \"{file}\": {err}");
                }
            }
        }
        if let Some(program) = &options.editor {
            let name = format!("quern-{}.sql", std::process::id());
            let file = std::env::temp_dir().join(name);
            editor = editor.with_buffer_editor(Command::new(program), file);
        }
        editor
    }
}

fn keys() -> reedline::Keybindings {
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu(COMPLETION_MENU.to_owned()),
            ReedlineEvent::MenuNext,
        ]),
    );
    keys.add_binding(
        KeyModifiers::ALT,
        KeyCode::Enter,
        ReedlineEvent::Edit(vec![EditCommand::InsertNewline]),
    );
    keys
}

/// Input is complete when it ends with `;`, is a command, or is blank.
#[derive(Debug)]
struct SqlValidator;

impl Validator for SqlValidator {
    fn validate(&self, line: &str) -> ValidationResult {
        if split(line).rest.is_empty() {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

#[derive(Debug)]
struct SqlPrompt {
    left: String,
}

impl Prompt for SqlPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.left)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        let width = crate::shell::text::width(&self.left);
        Cow::Owned(format!("{}-> ", " ".repeat(width.saturating_sub(1))))
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(history \"{}\") ", search.term))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: &str) -> bool {
        matches!(SqlValidator.validate(line), ValidationResult::Complete)
    }

    #[test]
    fn input_is_complete_at_a_semicolon() {
        for line in ["", "  ", "SELECT 1;", "\\d", "SELECT ';';", "-- only a comment"] {
            assert!(complete(line), "{line}");
        }
        for line in ["SELECT 1", "SELECT ';", "SELECT 1; SELECT", "/* ;"] {
            assert!(!complete(line), "{line}");
        }
    }

    #[test]
    fn the_continuation_prompt_is_as_wide_as_the_prompt() {
        let prompt = SqlPrompt { left: "quern:web".to_owned() };
        let first = format!("{}> ", prompt.render_prompt_left());
        assert_eq!(prompt.render_prompt_multiline_indicator().len(), first.len());
    }
}
