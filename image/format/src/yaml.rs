//! YAML as a tree, for files that a stranger may have written: no aliases, so nothing grows; little depth; duplicate keys
//! are refused. Every scalar is text: what a value means is the caller's business.

use saphyr_parser::{Event, Parser, ScanError};

/// Deepest nesting.
const DEEPEST: usize = 16;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A scalar of any style.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Node)>),
}

/// Text that is not YAML, or not of the kind that is read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column, from 1.
    pub(crate) column: usize,
    /// What is wrong. Holds at most one character of the text, which may hold passwords.
    pub(crate) message: String,
}

impl Node {
    /// The first document; none when there is nothing in it but comments.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, YamlError> {
        let mut events = Parser::new_from_str(text);
        let mut next = move || events.next().map(|event| event.map_err(|error| scan(&error)));
        while let Some(event) = next() {
            let (event, span) = event?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::DocumentEnd | Event::StreamEnd => return Ok(None),
                first => {
                    let at = (span.start.line(), span.start.col() + 1);
                    return node(first, at, 0, &mut || next().map(|event| event.map(flat))).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value of a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar that says something: `null`, `~` and nothing do not.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !matches!(text.as_str(), "" | "null" | "~") => Some(text),
            _ => None,
        }
    }

    /// Entries of a mapping.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// Items of a sequence; a single value counts as a sequence of one.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { std::slice::from_ref(self) }
    }
}

type Place = (usize, usize);
type Next<'a, 'input> = &'a mut dyn FnMut() -> Option<Result<(Event<'input>, Place), YamlError>>;

fn flat<'input>((event, span): (Event<'input>, saphyr_parser::Span)) -> (Event<'input>, Place) {
    (event, (span.start.line(), span.start.col() + 1))
}

fn scan(error: &ScanError) -> YamlError {
    let message = error.info().lines().next().unwrap_or_default().to_owned();
    YamlError { line: error.marker().line(), column: error.marker().col() + 1, message }
}

fn refuse((line, column): Place, message: &str) -> YamlError {
    YamlError { line, column, message: message.to_owned() }
}

fn node(event: Event<'_>, place: Place, depth: usize, next: Next<'_, '_>) -> Result<Node, YamlError> {
    if depth > DEEPEST {
        return Err(refuse(place, "this is nested too deeply"));
    }
    let broken = || refuse(place, "this has no end");
    match event {
        Event::Scalar(text, ..) => Ok(Node::Text(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next().ok_or_else(broken)?? {
                    (Event::SequenceEnd, _) => return Ok(Node::List(items)),
                    (event, place) => items.push(node(event, place, depth + 1, next)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut entries: Vec<(String, Node)> = Vec::new();
            loop {
                let (key, at) = match next().ok_or_else(broken)?? {
                    (Event::MappingEnd, _) => return Ok(Node::Map(entries)),
                    (Event::Scalar(key, ..), at) => (key.into_owned(), at),
                    (_, at) => return Err(refuse(at, "a key is a text here")),
                };
                if entries.iter().any(|(name, _)| *name == key) {
                    return Err(refuse(at, "this key stands here twice"));
                }
                let (event, at) = next().ok_or_else(broken)??;
                entries.push((key, node(event, at, depth + 1, next)?));
            }
        }
        Event::Alias(_) => Err(refuse(place, "aliases are not read here")),
        _ => Err(broken()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_shapes() {
        let text = "#cloud-config\na: 1\nb:\n  - x\n  - {c: \"d\\xe9\", e: null}\nf: |\n  g\n\"h\": [i, j]\n";
        let root = Node::parse(text).unwrap().unwrap();
        assert_eq!(root.at(&["a"]).and_then(Node::text), Some("1"));
        let second = &root.get("b").unwrap().items()[1];
        assert_eq!(second.at(&["c"]).and_then(Node::text), Some("dé"));
        assert_eq!(second.get("e").and_then(Node::text), None);
        assert_eq!(root.get("h").unwrap().items().len(), 2);
        assert_eq!(root.entries().len(), 4);
        for nothing in ["", "\n\n", "# only\n", "---\n"] {
            assert!(Node::parse(nothing).unwrap().is_none_or(|node| node.text().is_none()), "{nothing:?}");
        }
    }

    #[test]
    fn what_grows_or_is_ambiguous_is_refused_with_its_place() {
        let deep = "[".repeat(100);
        let rows = [
            ("a: &x [1]\nb: *x\n", 2, 4, "aliases"),
            ("a: 1\na: 2\n", 2, 1, "twice"),
            ("? [a]\n: 1\n", 1, 3, "a key is a text"),
            (deep.as_str(), 1, 18, "too deeply"),
        ];
        for (text, line, column, part) in rows {
            let error = Node::parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error:?}");
            assert!(error.message.contains(part), "{text}: {error:?}");
        }
        Node::parse("a: [1\n").unwrap_err();
    }

    proptest! {
        #[test]
        fn hostile_text_gives_a_tree_or_an_error(text in "([ \\-:,#&*!|>'\"%@`\\[\\]{}\n?a-z0-9~]|\\PC){0,300}") {
            drop(Node::parse(&text));
        }
    }
}
