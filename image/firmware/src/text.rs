//! Lines of `autoboot.txt` and `config.txt`: what one line is. What it means is left to the two parsers.

/// Characters of a line that count; the rest is ignored.
/// Source: Raspberry Pi documentation, "What is config.txt?", file format.
const LINE_MAX: usize = 98;

/// One meaningful line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// `[filter]`, without the brackets.
    Section(String),
    /// `key=value`. Spaces around `=` belong to key and value.
    Pair(String, String),
    /// `word rest` without `=` before the space (`initramfs`, `include`).
    Command(String, String),
    /// Longer than 98 characters; always followed by what is left of it.
    Cut(String),
}

/// Splits a file into lines. Comments (`#` first) and blank lines are dropped; the file ends at its first NUL
/// (inferred: the firmware handles the file as a C string).
///
/// Spaces around the line are dropped. Spaces around `=` are kept as part of key and value, so `kernel = x`
/// sets nothing. Source: Ubuntu for Raspberry Pi documentation, "Edit the boot configuration": spaces beside
/// `=` are not ignored.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Line> {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut lines = Vec::new();
    for raw in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let whole = String::from_utf8_lossy(raw);
        let cut: String = whole.chars().take(LINE_MAX).collect();
        let line = cut.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if whole.trim_end().chars().count() > LINE_MAX {
            lines.push(Line::Cut(line.to_owned()));
        }
        lines.extend(one(line));
    }
    lines
}

fn one(line: &str) -> Option<Line> {
    if let Some(rest) = line.strip_prefix('[') {
        // A bracket that is never closed ends with the line (inferred: the bootloader scans "[%60c]").
        let name = rest.split(']').next().unwrap_or(rest);
        return Some(Line::Section(name.to_owned()));
    }
    let equals = line.find('=').unwrap_or(line.len());
    let space = line.find([' ', '\t']).unwrap_or(line.len());
    if space < equals && matches!(line.get(..space), Some("initramfs" | "include")) {
        let (word, rest) = line.split_at_checked(space)?;
        return Some(Line::Command(word.to_owned(), rest.trim().to_owned()));
    }
    let (key, value) = line.split_once('=')?;
    Some(Line::Pair(key.to_owned(), value.to_owned()))
}

/// Decimal or `0x` hexadecimal, unsigned 32 bits.
pub(crate) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        // `from_str_radix` accepts a sign, the firmware's constants have none.
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_the_documentation_says() {
        let pair = |key: &str, value: &str| vec![Line::Pair(key.to_owned(), value.to_owned())];
        let long = format!("kernel={}", "k".repeat(120));
        let rows: Vec<(&str, Vec<Line>)> = vec![
            ("kernel=a.img", pair("kernel", "a.img")),
            ("  kernel=a.img\r\n", pair("kernel", "a.img")),
            ("# kernel=a.img", vec![]),
            ("kernel=a.img # tail", pair("kernel", "a.img # tail")),
            ("kernel = a.img", pair("kernel ", " a.img")),
            ("a=1\0b=2", pair("a", "1")),
            ("[pi5]x", vec![Line::Section("pi5".into())]),
            ("[pi5", vec![Line::Section("pi5".into())]),
            (
                "initramfs a,b followkernel",
                vec![Line::Command("initramfs".into(), "a,b followkernel".into())],
            ),
            ("initramfs=a", pair("initramfs", "a")),
            ("nonsense", vec![]),
            (&long, vec![Line::Cut(long[..98].to_owned()), Line::Pair("kernel".into(), "k".repeat(91))]),
        ];
        for (text, expected) in rows {
            assert_eq!(lines(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers() {
        let rows = [
            ("3", Some(3)),
            ("0x10", Some(16)),
            ("-1", None),
            ("+1", None),
            ("0x+1", None),
            ("4294967296", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }
}
