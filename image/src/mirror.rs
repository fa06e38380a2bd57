//! Finds the Debian mirror: the configuration's, `TAYBERRY_MIRROR`, or the one in this machine's apt sources
//! when that is Debian's. No address is written into the project.

use std::path::Path;

/// Base addresses of the archives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Of the main archive, without a trailing `/`.
    pub main: String,
    /// Of the security archive, without a trailing `/`.
    pub security: String,
}

/// No mirror is known.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Debian mirror is known: this machine's apt sources name none. \
     Set TAYBERRY_MIRROR, or `mirror` in image/appliance.toml, to a mirror's address that ends in /debian"
)]
pub struct NoMirror;

impl Mirror {
    /// The mirror to use, `configured` first.
    ///
    /// # Errors
    /// When none is known; the sentence says what to set.
    pub fn find(configured: Option<&str>) -> Result<Self, NoMirror> {
        if let Some(url) = std::env::var("TAYBERRY_MIRROR").ok().as_deref().or(configured) {
            return Ok(Self::from_main(url));
        }
        let apt = Path::new("/etc/apt");
        let mut texts: Vec<String> = std::fs::read_to_string(apt.join("sources.list")).into_iter().collect();
        let mut parts: Vec<_> = std::fs::read_dir(apt.join("sources.list.d"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
            .collect();
        parts.sort();
        texts.extend(parts.iter().filter_map(|path| std::fs::read_to_string(path).ok()));
        Self::from_sources(&texts.join("\n\n")).ok_or(NoMirror)
    }

    fn from_main(url: &str) -> Self {
        let main = url.trim_end_matches('/').to_owned();
        Self { security: format!("{main}-security"), main }
    }

    /// Reads one-line and deb822 sources (sources.list(5)); both carry the address as a word of its own.
    fn from_sources(text: &str) -> Option<Self> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let urls: Vec<&str> = lines
            .flat_map(str::split_ascii_whitespace)
            .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
            .map(|word| word.trim_end_matches('/'))
            .collect();
        let main = urls.iter().find(|url| url.ends_with("/debian"))?;
        let security = urls.iter().find(|url| url.ends_with("/debian-security"));
        let default = Self::from_main(main);
        Some(security.map_or(default.clone(), |url| Self { security: (*url).to_owned(), ..default }))
    }

    /// Address of a file in the archive. Files of the security archive lie under `pool/updates/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let base = if path.starts_with("pool/updates/") { &self.security } else { &self.main };
        format!("{base}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_debian_among_other_sources() {
        let deb822 = "Types: deb\n# URIs: http://old/debian\nURIs: http://m.example/debian\nSuites: x\n\n\
                      URIs: http://s.example/debian-security/\n";
        let both = Mirror {
            main: "http://m.example/debian".into(),
            security: "http://s.example/debian-security".into(),
        };
        assert_eq!(Mirror::from_sources(deb822), Some(both.clone()));
        let lines = "deb https://other.example/apt stable main\ndeb [arch=amd64] http://m.example/debian/ trixie main";
        assert_eq!(Mirror::from_sources(lines).unwrap().security, "http://m.example/debian-security");
        assert_eq!(Mirror::from_sources("deb http://archive.example/ubuntu noble main"), None);
        assert_eq!(both.url("pool/main/b/bash.deb"), "http://m.example/debian/pool/main/b/bash.deb");
        assert_eq!(both.url("pool/updates/a.deb"), "http://s.example/debian-security/pool/updates/a.deb");
    }
}
