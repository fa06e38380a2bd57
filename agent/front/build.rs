//! Packs the pages that `stack/web` builds into the program.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "cargo reads it")]

use std::path::Path;
use std::process::ExitCode;

const PAGES: &str = "../../stack/web/dist";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed={PAGES}");
    if !Path::new(PAGES).join("index.html").is_file() {
        println!("cargo::error=stack/web/dist has no pages yet: run scripts/web");
        return ExitCode::FAILURE;
    }
    memory_serve::load_directory(PAGES);
    ExitCode::SUCCESS
}
