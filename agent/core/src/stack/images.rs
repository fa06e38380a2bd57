//! Images as Podman lists them: which one a reference means, and which of earlier stacks nothing needs any more. Listing and removing
//! them is left to the agent.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The number of its topmost layer.
    #[serde(default)]
    pub layer: String,
}

/// A layer in a store (containers/storage, layers.go).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Layer {
    /// Its number.
    pub id: String,
    /// The number of the one below it.
    #[serde(default)]
    pub parent: String,
    /// Its files in bytes; -1 if that is not known.
    #[serde(default, rename = "diff-size")]
    pub bytes: i64,
}

/// Bytes of an image's files: of all its layers, with those that other images have, too.
#[must_use]
pub fn bytes(image: &Image, layers: &[Layer]) -> u64 {
    let by_id: BTreeMap<&str, &Layer> = layers.iter().map(|layer| (layer.id.as_str(), layer)).collect();
    let below = |layer: &&Layer| by_id.get(layer.parent.as_str()).copied();
    // No more steps than there are layers: a damaged list may go in circles.
    let all = std::iter::successors(by_id.get(image.layer.as_str()).copied(), below).take(layers.len());
    all.filter_map(|layer| u64::try_from(layer.bytes).ok()).sum()
}

/// What the services of a stack name.
pub fn references(stack: &Stack) -> impl Iterator<Item = &str> {
    stack.services.values().map(|service| service.value.image.value.as_str())
}

/// The numbers of those that `forgotten` references mean, and no stack of `stacks`. In doubt one is needed. What no stack ever named is
/// somebody's who loaded it, and stays.
#[must_use]
pub fn unneeded<'a>(images: &'a [Image], stacks: &[Stack], forgotten: &BTreeSet<String>) -> Vec<&'a str> {
    let goes = |image: &&Image| forgotten.iter().any(|one| is(image, one)) && !is_needed(image, stacks);
    images.iter().filter(goes).map(|image| image.id.as_str()).collect()
}

/// Whether a stack of `stacks` may mean it.
#[must_use]
pub fn is_needed(image: &Image, stacks: &[Stack]) -> bool {
    let mut all = stacks.iter().flat_map(references);
    all.any(|reference| image.names.iter().any(|name| is_meant(reference, name)))
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
        let image =
            |id: &str, name: &str| Image { id: id.into(), names: vec![name.into()], layer: String::new() };
        let images = [
            image("1", "docker.io/library/redis:8"),
            image("2", &format!("docker.io/library/mongo@{digest}")),
            image("3", "docker.io/library/mongo:7.0"),
            image("4", "ghcr.io/me/app:1.2"),
            image("5", "ghcr.io/me/app:1.1"),
            image("6", "docker.io/library/notredis:8"),
            Image { id: "7".into(), names: Vec::new(), layer: String::new() },
        ];
        let by_digest = format!("docker.io/library/mongo:7.0@{digest}");
        let forgotten = ["me/app:1.1", "ghcr.io/me/app:1.1", "ghcr.io/me/app:1.2", by_digest.as_str()]
            .map(str::to_owned)
            .into();
        assert_eq!(unneeded(&images, &stacks, &forgotten), ["5"]);
        assert_eq!(unneeded(&images, &[], &forgotten), ["2", "4", "5"], "what only ends so is another's");
        assert_eq!(unneeded(&images, &[], &BTreeSet::new()), [""; 0]);
    }

    #[test]
    fn an_image_is_as_large_as_its_layers() {
        let layer = |id: &str, parent: &str, bytes| Layer { id: id.into(), parent: parent.into(), bytes };
        let image = |layer: &str| Image { id: "1".into(), names: Vec::new(), layer: layer.into() };
        let layers = [
            layer("a", "", 100),
            layer("b", "a", 20),
            layer("c", "b", -1),
            layer("d", "e", 1),
            layer("e", "d", 1),
        ];
        let sizes = ["", "a", "c", "gone"].map(|top| bytes(&image(top), &layers));
        assert_eq!(sizes, [0, 100, 120, 0]);
        assert!(bytes(&image("d"), &layers) < 10, "a damaged list ends");
    }
}
