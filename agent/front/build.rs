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
    match forget_folder() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error=the list of packed pages: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The library's list names the folder of this checkout. Packed pages are never read from there, and two checkouts must
/// give the same program.
fn forget_folder() -> std::io::Result<()> {
    let list = Path::new(&std::env::var_os("OUT_DIR").unwrap_or_default()).join("memory_serve_assets.rs");
    let text = std::fs::read_to_string(&list)?;
    if text.contains("bytes: Some(") {
        let folder = std::fs::canonicalize(PAGES)?;
        std::fs::write(&list, text.replace(&format!("path: r\"{}", folder.display()), "path: r\""))?;
    }
    Ok(())
}
