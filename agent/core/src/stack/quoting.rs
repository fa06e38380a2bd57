//! Words as a unit file must hold them. Which words they are is left to [`super::quadlet`].

use std::fmt::Write as _;

/// Whether a dollar sign means a variable where the word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dollars {
    /// In a command line (systemd.service(5)).
    Doubled,
    /// Elsewhere.
    Literal,
}

/// A word as it must be written in a unit: in quotes (systemd.syntax(7)).
pub(super) fn quoted(word: &str, dollars: Dollars) -> String {
    let mut text = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            control if control.is_control() => {
                let mut bytes = [0; 4];
                for byte in control.encode_utf8(&mut bytes).bytes() {
                    // Writing to a String cannot fail.
                    write!(text, "\\x{byte:02x}").unwrap_or_default();
                }
            }
            '%' => text.push_str("%%"),
            '$' if dollars == Dollars::Doubled => text.push_str("$$"),
            other => text.push(other),
        }
    }
    text + "\""
}

/// A value that is taken as it is, in one line.
pub(super) fn escaped(text: &str, dollars: Dollars) -> String {
    let text = text.replace('%', "%%").replace(['\n', '\r'], " ");
    if dollars == Dollars::Doubled { text.replace('$', "$$") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_value_leaves_its_line(word in any::<String>()) {
            let text = quoted(&word, Dollars::Doubled);
            prop_assert!(!text.contains(|letter: char| letter.is_control()));
            let inside = &text[1..text.len() - 1];
            prop_assert!(!inside.replace("\\\\", "").replace("\\\"", "").contains('"'));
            prop_assert!(!escaped(&word, Dollars::Literal).contains(['\n', '\r']));
        }
    }
}
