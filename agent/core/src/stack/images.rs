//! Images as Podman lists them: which one a reference means, and which of earlier stacks nothing needs any more. Listing and removing
//! them is left to the agent.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::compose::Stack;

/// An image in a store (containers/storage, images.go).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Image {
    /// Its number.
    pub id: String,
    /// Its names: `REGISTRY/REPOSITORY:TAG` or `REGISTRY/REPOSITORY@DIGEST`.
    #[serde(default)]
    pub names: Vec<String>,
}

/// What the services of a stack name.
pub fn references(stack: &Stack) -> impl Iterator<Item = &str> {
    stack.services.values().map(|service| service.value.image.value.as_str())
}

/// The numbers of those that `forgotten` references mean, and no stack of `stacks`. In doubt one is needed. What no stack ever named is
/// somebody's who loaded it, and stays.
#[must_use]
pub fn unneeded<'a>(images: &'a [Image], stacks: &[&Stack], forgotten: &BTreeSet<String>) -> Vec<&'a str> {
    let is_needed = |image: &Image| {
        let mut all = stacks.iter().flat_map(|stack| references(stack));
        all.any(|reference| image.names.iter().any(|name| is_meant(reference, name)))
    };
    let goes = |image: &&Image| forgotten.iter().any(|one| is(image, one)) && !is_needed(image);
    images.iter().filter(goes).map(|image| image.id.as_str()).collect()
}

/// A reference as Podman may keep it: with its tag, and if it has a digest with that instead.
fn forms(reference: &str) -> (&str, Option<String>) {
    let Some((tagged, digest)) = reference.split_once('@') else { return (reference, None) };
    let is_tag = |tag: &str| !tag.contains('/');
    let repository = tagged.rsplit_once(':').filter(|(_, tag)| is_tag(tag)).map_or(tagged, |(name, _)| name);
    (tagged, Some(format!("{repository}@{digest}")))
}

/// Whether a reference, written in full, is this image.
#[must_use]
pub fn is(image: &Image, reference: &str) -> bool {
    let (tagged, by_digest) = forms(reference);
    let name = by_digest.as_deref().unwrap_or(tagged);
    image.names.iter().any(|other| other == name)
}

/// Whether a reference may mean the image of this name: the file may leave out registry and folder.
fn is_meant(reference: &str, name: &str) -> bool {
    let (tagged, by_digest) = forms(reference);
    let ends_with = |wanted: &str| name == wanted || name.ends_with(&format!("/{wanted}"));
    ends_with(tagged) || by_digest.is_some_and(|wanted| ends_with(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_stack_names_can_go() {
        let stack =
            |image: &str| Stack::parse(&format!("services: {{ a: {{ image: \"{image}\" }} }}")).unwrap();
        let digest = format!("sha256:{}", "ab".repeat(32));
        let stacks = [
            stack("redis:8"),
            stack(&format!("docker.io/library/mongo:7.0@{digest}")),
            stack("ghcr.io/me/app:1.2"),
        ];
        let stacks: Vec<&Stack> = stacks.iter().collect();
        let image = |id: &str, name: &str| Image { id: id.into(), names: vec![name.into()] };
        let images = [
            image("1", "docker.io/library/redis:8"),
            image("2", &format!("docker.io/library/mongo@{digest}")),
            image("3", "docker.io/library/mongo:7.0"),
            image("4", "ghcr.io/me/app:1.2"),
            image("5", "ghcr.io/me/app:1.1"),
            image("6", "docker.io/library/notredis:8"),
            Image { id: "7".into(), names: Vec::new() },
        ];
        let by_digest = format!("docker.io/library/mongo:7.0@{digest}");
        let forgotten = ["me/app:1.1", "ghcr.io/me/app:1.1", "ghcr.io/me/app:1.2", by_digest.as_str()]
            .map(str::to_owned)
            .into();
        assert_eq!(unneeded(&images, &stacks, &forgotten), ["5"]);
        assert_eq!(unneeded(&images, &[], &forgotten), ["2", "4", "5"], "what only ends so is another's");
        assert_eq!(unneeded(&images, &[], &BTreeSet::new()), [""; 0]);
    }
}
