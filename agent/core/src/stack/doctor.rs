//! What is allowed in a compose file and yet unwise. Nothing here keeps a stack from running.

use serde_saphyr::Spanned;

use super::compose::{MEMORY, Service, Stack};
use super::values::Name;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1.
    pub line: u64,
    /// A sentence: what, why, and what to do.
    pub sentence: String,
}

/// Looks at all services. `memory` is what the device has for them, in bytes.
#[must_use]
pub fn look(stack: &Stack, memory: u64) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        stack.services.iter().flat_map(|(name, service)| of(name, service)).collect();
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
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unwise_is_said_with_its_line() {
        let text = "services:\n  web:\n    image: a/web:latest\n    read_only: false\n  db:\n    image: a/db:1\n    \
            mem_limit: 3g\n    healthcheck: { test: [CMD, ok] }\n";
        let findings = look(&Stack::parse(text).unwrap(), 2 << 30);
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
}
