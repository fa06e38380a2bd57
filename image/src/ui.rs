//! What a person sees while something long runs: a bar a stage on a terminal, a line a stage elsewhere, one JSON
//! object a stage with `--json`. The only module that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where the command line prints")]

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For people.
    Text,
    /// One JSON object a line on standard output.
    Json,
}

/// Speaks to the person, or to the script, that started the command.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    mode: Mode,
    stages: bool,
}

#[derive(Serialize)]
struct Event<'a> {
    stage: &'a str,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

impl Ui {
    /// Speaks in `mode`.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self { mode, stages: true }
    }

    /// The same, but a script hears nothing but the result.
    #[must_use]
    pub fn only_result(self) -> Self {
        Self { stages: self.mode == Mode::Text, ..self }
    }

    /// Begins a stage. `bytes` is the total, if it is known.
    #[must_use]
    pub fn stage(self, name: &'static str, bytes: Option<u64>) -> Stage {
        let shown = self.mode == Mode::Text && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(bytes, target);
        let template = match bytes {
            Some(_) => {
                "{prefix:12} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {wide_msg}"
            }
            None => "{prefix:12} {spinner} {elapsed}  {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(200));
        Stage { ui: self, name, bar, began: Instant::now(), done: Arc::default() }
    }

    /// Says a sentence; scripts do not hear it.
    pub fn say(self, sentence: impl std::fmt::Display) {
        if self.mode == Mode::Text {
            eprintln!("{sentence}");
        }
    }

    /// Gives the result: `text` to people, `value` to scripts.
    pub fn result(self, text: impl std::fmt::Display, value: &impl Serialize) {
        match self.mode {
            Mode::Text => println!("{text}"),
            Mode::Json => println!("{}", serde_json::to_string(value).unwrap_or_default()),
        }
    }

    /// Whether somebody can answer: there is a terminal, and no script listens.
    #[must_use]
    pub fn can_ask(self) -> bool {
        self.mode == Mode::Text && std::io::stdin().is_terminal()
    }

    /// Asks for a line that nobody else shall see. `None` when nobody can answer.
    #[must_use]
    pub fn ask_secret(self, question: impl std::fmt::Display) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        rpassword::prompt_password(format!("{question} ")).ok()
    }

    /// Asks for a line. `None` when nobody can answer.
    #[must_use]
    pub fn ask(self, question: impl std::fmt::Display) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        eprint!("{question} ");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }

    /// Says why the command failed.
    pub fn error(error: &dyn std::error::Error) {
        eprintln!("tayberry: {error}");
    }
}

/// A running stage.
pub struct Stage {
    ui: Ui,
    name: &'static str,
    bar: ProgressBar,
    began: Instant,
    done: Arc<AtomicU64>,
}

impl Stage {
    /// Notes that so many more bytes are done.
    pub fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    /// Says what the stage is at.
    pub fn at(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Ends the stage; returns how long it took.
    pub fn finish(self, note: &str) -> Duration {
        self.bar.finish_and_clear();
        let took = self.began.elapsed();
        let bytes = Some(self.done.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0);
        let seconds = took.as_secs_f64();
        match self.ui.mode {
            Mode::Text => eprintln!("{:12} {seconds:6.1} s  {note}", self.name),
            Mode::Json if !self.ui.stages => {}
            Mode::Json => {
                let event =
                    Event { stage: self.name, seconds: (seconds * 1000.0).round() / 1000.0, bytes, note };
                println!("{}", serde_json::to_string(&event).unwrap_or_default());
            }
        }
        took
    }
}

/// A number of bytes for people, such as `108.2 MiB`.
#[must_use]
pub fn human(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
