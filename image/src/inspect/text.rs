//! A report as people read it: what matters most comes last, where a terminal shows it.

use std::fmt::Write as _;

use tayberry_format::packages::Contents;

use crate::inspect::Report;
use crate::inspect::firmware::Verdict;
use crate::inspect::slots::{BootFile, Found, System};
use crate::ui::human;

/// Packages that are shown unless all are asked for.
const SOME: usize = 12;

/// The whole report; `all` packages, or the largest.
#[must_use]
pub fn render(report: &Report, all: bool) -> String {
    let mut text = format!("{}: a disk of {}\n\nPartitions\n", report.image.display(), human(report.bytes));
    for part in &report.partitions {
        line(
            &mut text,
            format_args!(
                "  {} {:9} {:>11} at {:>10}  {}",
                part.number,
                part.name,
                human(part.bytes),
                human(part.start),
                part.kind
            ),
        );
    }
    for slot in &report.slots {
        packages(&mut text, slot, all);
    }
    for found in &report.slots {
        slot(&mut text, found, report.default_slot == Some(found.slot));
    }
    text.push_str("\nFirmware, at power-on\n");
    let mut told: Vec<&Verdict> = Vec::new();
    for verdict in &report.firmware {
        if !told.iter().any(|other| other.agrees_with(verdict)) {
            firmware(&mut text, report.firmware.iter().filter(|other| other.agrees_with(verdict)));
            told.push(verdict);
        }
    }
    text.trim_end().to_owned()
}

// Writing to a String cannot fail.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").unwrap_or_default();
}

fn packages(text: &mut String, slot: &Found, all: bool) {
    if let Some(why) = &slot.contents_problem {
        line(text, format_args!("\nPackages of slot {}: not known ({why})", slot.slot));
    }
    let Some(Contents { packages, own_bytes, .. }) = &slot.contents else { return };
    let total: u64 = packages.iter().map(|package| package.bytes).sum::<u64>() + own_bytes;
    line(
        text,
        format_args!("\nPackages of slot {}: {}, {} unpacked", slot.slot, packages.len(), human(total)),
    );
    let shown = if all { packages.len() } else { SOME.min(packages.len()) };
    let width = packages.iter().take(shown).map(|package| package.name.len()).max().unwrap_or(0);
    for package in packages.iter().take(shown) {
        line(
            text,
            format_args!("  {:>11}  {:width$}  {}", human(package.bytes), package.name, package.version),
        );
    }
    let rest: u64 = packages.iter().skip(shown).map(|package| package.bytes).sum();
    if shown < packages.len() {
        line(text, format_args!("  {:>11}  {} more: --all", human(rest), packages.len() - shown));
    }
    line(text, format_args!("  {:>11}  Tayberry's own files", human(*own_bytes)));
}

fn slot(text: &mut String, found: &Found, default: bool) {
    let mark = if default { ", the default slot" } else { "" };
    let state = match &found.system {
        _ if found.empty => "empty".to_owned(),
        System::Verified { .. } => "verified".to_owned(),
        System::DoesNotMatch { why } => format!("does not match: {why}"),
        System::Empty => "its system partition is empty".to_owned(),
    };
    line(text, format_args!("\nSlot {}{mark}: {state}", found.slot));
    if let Some(contents) = &found.contents {
        let Contents { name, version, kernel, .. } = contents;
        line(text, format_args!("  holds      {name} {version}, kernel {kernel}"));
    }
    if let Some(root_hash) = found.root_hash {
        line(text, format_args!("  root hash  {root_hash}"));
    }
    if let System::Verified { bytes, tree_bytes } = found.system {
        line(text, format_args!("  system     {}, hash tree {}", human(bytes), human(tree_bytes)));
    }
    if let Some(why) = &found.boot_problem {
        line(text, format_args!("  boot       {why}"));
    }
    for (index, BootFile { path, bytes }) in found.boot_files.iter().enumerate() {
        let title = if index == 0 { "boot" } else { "" };
        line(text, format_args!("  {title:9} {:>11}  {path}", human(*bytes)));
    }
}

fn firmware<'a>(text: &mut String, agreeing: impl Iterator<Item = &'a Verdict>) {
    let all: Vec<&Verdict> = agreeing.collect();
    let Some(first) = all.first() else { return };
    let boards: Vec<String> = all.iter().map(|verdict| verdict.board()).collect();
    let outcome = match (&first.failure, first.slot) {
        (Some(failure), _) => failure.clone(),
        (None, Some(slot)) => format!("slot {slot}"),
        (None, None) => "a partition that is no slot".to_owned(),
    };
    line(text, format_args!("  {}: {outcome}", boards.join(", ")));
    let (overlays, files): (Vec<&str>, Vec<&str>) =
        first.files.iter().map(|file| file.path.as_str()).partition(|path| path.starts_with("overlays/"));
    if !files.is_empty() {
        line(text, format_args!("    loads     {}", files.join(", ")));
    }
    if !overlays.is_empty() {
        let name = |path: &&str| path.trim_start_matches("overlays/").trim_end_matches(".dtbo").to_owned();
        let names: Vec<String> = overlays.iter().map(name).collect();
        line(text, format_args!("    overlays  {}", names.join(", ")));
    }
    for entry in &first.log {
        line(text, format_args!("    - {}", entry.text));
    }
}
