//! What a registry says of an image before it is fetched: whether there is one, and for which processors (OCI distribution and image
//! specification, 1.1). Asking is left to the agent.

use serde::Deserialize;

/// The device's architecture, as images name it (Go's GOARCH).
pub const ARCHITECTURE: &str = "arm64";
/// What a manifest may be.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// What is known of where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It can be had, for these architectures.
    For(Vec<String>),
    /// There is none.
    Missing,
    /// Nobody could say; why, words.
    Unknown(String),
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `HOST` or `HOST:PORT`, as the file has it.
    pub registry: String,
    /// The path there.
    pub repository: String,
    /// A tag or a digest.
    pub version: String,
}

impl Reference {
    /// What a file's words mean: without a registry it is Docker's (github.com/distribution/reference).
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (path, digest) = text.split_once('@').map_or((text, None), |(path, digest)| (path, Some(digest)));
        let tagged = path.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
        let (path, tag) = tagged.map_or((path, "latest"), |(path, tag)| (path, tag));
        let is_host = |first: &str| first.contains(['.', ':']) || first == "localhost";
        let (registry, repository) = match path.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest.to_owned()),
            Some(_) => ("docker.io", path.to_owned()),
            None => ("docker.io", format!("library/{path}")),
        };
        let version = digest.unwrap_or(tag).to_owned();
        Self { registry: registry.to_owned(), repository, version }
    }

    /// Address of something of its repository. Docker's registry is elsewhere than its name says.
    #[must_use]
    pub fn address(&self, what: &str, which: &str) -> String {
        let host = if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry };
        format!("https://{host}/v2/{}/{what}/{which}", self.repository)
    }
}

/// Where a token for a reader without an account is had: the address, from the header `WWW-Authenticate`
/// (distribution.github.io, "Token Authentication Specification").
#[must_use]
pub fn token_address(header: &str) -> Option<String> {
    let rest = header.strip_prefix("Bearer ")?;
    let value = |name: &str| {
        let begin = rest.find(&format!("{name}=\""))? + name.len() + 2;
        rest[begin..].split('"').next().map(str::to_owned)
    };
    let realm = value("realm").filter(|realm| realm.starts_with("https://"))?;
    let said = ["service", "scope"].into_iter().filter_map(|name| Some(format!("{name}={}", value(name)?)));
    let query: Vec<String> = said.collect();
    Some(format!("{realm}?{}", query.join("&")))
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// That of several images, for these architectures.
    Several(Vec<String>),
    /// That of one, whose configuration has this digest.
    One(String),
}

#[derive(Deserialize)]
struct Form {
    manifests: Option<Vec<Entry>>,
    config: Option<Blob>,
}

#[derive(Deserialize)]
struct Entry {
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
}

#[derive(Deserialize)]
struct Blob {
    digest: String,
}

/// Reads a manifest; none if it is none.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Option<Manifest> {
    let form: Form = serde_json::from_slice(bytes).ok()?;
    match (form.manifests, form.config) {
        (Some(all), _) => {
            let platforms = all.into_iter().filter_map(|entry| entry.platform);
            // What vouches for an image is in its index, too.
            let real = platforms.map(|one| one.architecture).filter(|one| one != "unknown");
            let mut all: Vec<String> = real.collect();
            all.sort();
            all.dedup();
            Some(Manifest::Several(all))
        }
        (None, Some(config)) => Some(Manifest::One(config.digest)),
        (None, None) => None,
    }
}

/// The architecture that an image's configuration names.
#[must_use]
pub fn architecture(bytes: &[u8]) -> Option<String> {
    serde_json::from_slice::<Platform>(bytes).ok().map(|platform| platform.architecture)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_file_means() {
        for (text, registry, repository, version) in [
            ("redis:8", "docker.io", "library/redis", "8"),
            ("me/app", "docker.io", "me/app", "latest"),
            ("ghcr.io/me/app:1.2", "ghcr.io", "me/app", "1.2"),
            ("10.0.2.100:80/shed/shop:1", "10.0.2.100:80", "shed/shop", "1"),
            ("localhost/shed/barn:1", "localhost", "shed/barn", "1"),
            ("quay.io/a/b:1@sha256:ab", "quay.io", "a/b", "sha256:ab"),
        ] {
            let read = Reference::read(text);
            assert_eq!((read.registry.as_str(), read.repository.as_str()), (registry, repository));
            assert_eq!(read.version, version);
        }
        assert_eq!(
            Reference::read("redis:8").address("manifests", "8"),
            "https://registry-1.docker.io/v2/library/redis/manifests/8"
        );
    }

    #[test]
    fn where_a_token_is_had() {
        let header = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/redis:pull""#;
        assert_eq!(
            token_address(header).unwrap(),
            "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/redis:pull"
        );
        assert_eq!(token_address(r#"Basic realm="x""#), None);
        assert_eq!(token_address(r#"Bearer realm="http://a.example/token""#), None, "in clear");
    }

    #[test]
    fn for_which_processors() {
        let index = br#"{"manifests":[{"platform":{"architecture":"arm64","os":"linux"}},{"platform":{"architecture":"amd64"}},
            {"platform":{"architecture":"unknown"}},{"platform":{"architecture":"arm64","variant":"v8"}}]}"#;
        assert_eq!(manifest(index), Some(Manifest::Several(vec!["amd64".into(), "arm64".into()])));
        let one = br#"{"config":{"digest":"sha256:ab"},"layers":[]}"#;
        assert_eq!(manifest(one), Some(Manifest::One("sha256:ab".into())));
        assert_eq!(manifest(b"{}"), None);
        assert_eq!(architecture(br#"{"architecture":"arm64","config":{}}"#).unwrap(), "arm64");
    }

    proptest! {
        #[test]
        fn any_words(text in "\\PC{0,80}", header in "(Bearer )?[\\PC]{0,80}") {
            let read = Reference::read(&text);
            drop((read.address("manifests", &read.version), token_address(&header)));
        }
    }
}
