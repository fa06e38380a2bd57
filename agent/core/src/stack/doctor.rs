//! What is allowed in a compose file and yet unwise. Nothing here keeps a stack from running.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::compose::{MEMORY, Service, Stack};
use super::registry::{ARCHITECTURE, Source};
use super::values::Name;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1.
    pub line: u64,
    /// A sentence: what, why, and what to do.
    pub sentence: String,
}

/// Looks at all services. `memory` is what the device has for them, in bytes; `sources` is where their images come from, as far as that is
/// known.
#[must_use]
pub fn look(stack: &Stack, memory: u64, sources: &BTreeMap<String, Source>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        stack.services.iter().flat_map(|(name, service)| of(name, service)).collect();
    for service in stack.services.values() {
        let image = &service.value.image;
        let sentence = sources.get(&image.value).and_then(|source| about(&image.value, source));
        findings.extend(sentence.map(|sentence| at(image, sentence)));
    }
    let wanted: u64 = stack.services.values().map(|service| service.value.memory()).sum();
    let largest = stack.services.values().max_by_key(|service| service.value.memory());
    if let Some(largest) = largest.filter(|_| wanted > memory) {
        let (wanted, memory) = (wanted >> 20, memory >> 20);
        findings.push(at(
            largest,
            format!("The services may take {wanted} MiB, and the device has {memory} for them."),
        ));
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

fn at<T>(what: &Spanned<T>, sentence: String) -> Finding {
    Finding { line: what.referenced.line(), sentence }
}

/// What is wrong with where an image comes from.
fn about(image: &str, source: &Source) -> Option<String> {
    match source {
        Source::For(all) if all.iter().any(|one| one == ARCHITECTURE) => None,
        Source::For(all) => Some(format!(
            "{image} is for {}, and this device is {ARCHITECTURE}: it will not run here.",
            all.join(", ")
        )),
        Source::Missing => {
            Some(format!("There is no image {image}: neither here nor where it would be fetched from."))
        }
        Source::Unknown(why) => Some(format!(
            "Whether there is an image {image} could not be seen ({why}). It is fetched when its service starts."
        )),
    }
}

fn of(name: &Name, service: &Spanned<Service>) -> Vec<Finding> {
    let one = &service.value;
    let mut findings = Vec::new();
    let tag = one.image.value.split('@').next().unwrap_or_default();
    if tag.ends_with(":latest") && !one.image.value.contains('@') {
        let sentence =
            format!("{name} takes the image `latest`: two devices may run two things. Name a version.");
        findings.push(at(&one.image, sentence));
    }
    if !one.says_how_it_is() {
        let sentence = format!("{name} has no healthcheck: it counts as healthy as soon as it runs.");
        findings.push(at(service, sentence));
    }
    if !one.read_only {
        let sentence =
            format!("{name} may write to its root: what it writes there is gone when it is replaced.");
        findings.push(at(service, sentence));
    }
    if one.mem_limit.is_none() {
        findings.push(at(service, format!("{name} has no mem_limit: it gets {} MiB.", MEMORY >> 20)));
    }
    if let Some(backup) = &one.tayberry.backup {
        let sentence = format!(
            "{name} says what a backup does. This version makes none: copy what the service keeps yourself. The words are kept."
        );
        findings.push(at(backup, sentence));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unwise_is_said_with_its_line() {
        let text = "services:\n  web:\n    image: a/web:latest\n    read_only: false\n  db:\n    image: a/db:1\n    \
            mem_limit: 3g\n    healthcheck: { test: [CMD, ok] }\n";
        let findings = look(&Stack::parse(text).unwrap(), 2 << 30, &BTreeMap::new());
        let words: Vec<(u64, &str)> = findings.iter().map(|one| (one.line, one.sentence.as_str())).collect();
        for (line, word) in
            [(3, "latest"), (3, "no healthcheck"), (3, "root"), (3, "no mem_limit"), (6, "3328 MiB")]
        {
            assert!(
                words.iter().any(|one| one.0 == line && one.1.contains(word)),
                "{line} {word}: {words:?}"
            );
        }
        assert_eq!(words.len(), 5, "{words:?}");
    }

    #[test]
    fn that_no_backup_is_made_is_said() {
        let text = "services:\n  db:\n    image: a/db:1\n    mem_limit: 3m\n    healthcheck: { test: [CMD, ok] }\n    x-tayberry:\n      \
            backup: { before: [db, lock], after: [db, unlock] }\n";
        let findings = look(&Stack::parse(text).unwrap(), 2 << 30, &BTreeMap::new());
        assert!(findings.len() == 1 && findings[0].line == 7, "{findings:?}");
        assert!(findings[0].sentence.contains("This version makes none"), "{findings:?}");
        let refused = Stack::parse(&text.replace("before", "first")).unwrap_err().to_string();
        assert!(refused.contains("first"), "{refused}");
    }

    #[test]
    fn an_image_that_cannot_run_here_is_said() {
        let text = "services:\n  a:\n    image: a/one:1\n  b:\n    image: a/two:1\n  c:\n    image: a/three:1\n  d:\n    image: a/four:1\n";
        let stack = Stack::parse(text).unwrap();
        let both = Source::For(vec!["amd64".into(), "arm64".into()]);
        let sources = [
            ("a/one:1", both),
            ("a/two:1", Source::For(vec!["amd64".into()])),
            ("a/three:1", Source::Missing),
            ("a/four:1", Source::Unknown("timeout".into())),
        ];
        let sources = sources.map(|(image, source)| (image.to_owned(), source)).into();
        let about_images = |sources| {
            let all = look(&stack, 4 << 30, sources).into_iter();
            all.filter(|one| one.sentence.contains("a/")).collect::<Vec<_>>()
        };
        let found = about_images(&sources);
        let words: Vec<(u64, &str)> = found.iter().map(|one| (one.line, one.sentence.as_str())).collect();
        assert_eq!(words.len(), 3, "{words:?}");
        for ((line, sentence), (wanted, word)) in
            words.iter().zip([(5, "will not run here"), (7, "There is no image"), (9, "timeout")])
        {
            assert!(*line == wanted && sentence.contains(word), "{line} {sentence}");
        }
        assert_eq!(about_images(&BTreeMap::new()), []);
    }
}
