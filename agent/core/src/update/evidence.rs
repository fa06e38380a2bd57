//! What is kept of a system that did not stay, from what its kernel and its log said.

use crate::update::record::Crash;

/// Lines that are kept.
const LINES: usize = 20;
/// Longest line, in characters.
const LONGEST: usize = 240;
/// Words that begin the line that says why a kernel stopped, the most telling first (kernel source: `panic()`, `die()`).
const WHY: [&str; 4] =
    ["Kernel panic - not syncing:", "Internal error:", "Unable to handle kernel", "kernel BUG at"];

/// The last words of a kernel, out of what pstore kept.
#[must_use]
pub fn crash(kept: &str) -> Option<Crash> {
    let lines: Vec<&str> = kept.lines().map(without_time).collect();
    let place = WHY
        .iter()
        .find_map(|why| lines.iter().enumerate().find_map(|(number, line)| Some((number, line.find(why)?))));
    let (number, column) = place?;
    // What follows a panic is of no use; what came before is.
    let log = tail(&lines[..=number].join("\n"));
    Some(Crash { line: clean(&lines[number][column..]), log })
}

/// The last lines of a log.
#[must_use]
pub fn tail(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| clean(line)).collect()
}

/// A kernel's line without its level and time: `<0>[   12.345678] `.
fn without_time(line: &str) -> &str {
    let rest = line.trim_start();
    let rest = if rest.starts_with('<') { rest.split_once('>').map_or(rest, |(_, rest)| rest) } else { rest };
    if rest.starts_with('[') { rest.split_once("] ").map_or(rest, |(_, rest)| rest) } else { rest }
}

fn clean(line: &str) -> String {
    line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_why_is_found() {
        let kept = "Panic#1 Part1\n<6>[    1.000000] Run /init as init process\n\
            <4>[    1.100000] Internal error: Oops: 96000004 [#1] SMP\n\
            <0>[    1.200000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\n\
            <4>[    1.300000] CPU: 0 PID: 1";
        let crash = crash(kept).unwrap();
        assert_eq!(crash.line, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b");
        assert_eq!(crash.log.last(), Some(&crash.line));
        assert_eq!(crash.log[1], "Run /init as init process");
        assert_eq!(super::crash("all is well\n"), None);
    }

    #[test]
    fn only_the_end_is_kept_and_it_is_clean() {
        let log: String = (0..100).map(|n| format!("line {n} \u{1b}[31m{}\n", "x".repeat(500))).collect();
        let kept = tail(&log);
        assert_eq!(kept.len(), LINES);
        assert!(kept[0].starts_with("line 80 ") && kept.iter().all(|line| line.chars().count() <= LONGEST));
        assert!(!kept.iter().any(|line| line.chars().any(char::is_control)));
    }
}
