//! Finds the Debian mirror: the configuration's, `TAYBERRY_MIRROR`, or the one in this machine's apt sources
//! when that is Debian's; and the kernel flavour's own archive. No address is written into the project.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::lock::Package;

/// Base addresses of the archives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Of the main archive, without a trailing `/`.
    pub main: String,
    /// Of the security archive, without a trailing `/`.
    pub security: String,
    /// Of the kernel flavour's own archive, without a trailing `/`.
    pub kernel: Option<String>,
}

/// No mirror is known.
#[derive(Debug, thiserror::Error)]
pub enum NoMirror {
    /// Of Debian.
    #[error(
        "no Debian mirror is known: this machine's apt sources name none. \
         Set TAYBERRY_MIRROR, or `mirror` in image/appliance.toml, to a mirror's address that ends in /debian"
    )]
    Debian,
    /// Of the kernel flavour.
    #[error(
        "kernel flavour {flavour} comes from an archive of its own: \
         set {variable} to its address and put the public keys that sign it into {keyring}"
    )]
    Kernel {
        /// The flavour.
        flavour: String,
        /// The environment variable.
        variable: String,
        /// The file.
        keyring: PathBuf,
    },
}

impl Mirror {
    /// The mirror to use, and the archive of the configuration's kernel flavour if it has one.
    ///
    /// # Errors
    /// When one of them is not known; the sentence says what to set.
    pub fn find(config: &Config) -> Result<Self, NoMirror> {
        Ok(Self { kernel: Self::kernel(config)?, ..Self::debian(config.mirror.as_deref())? })
    }

    fn kernel(config: &Config) -> Result<Option<String>, NoMirror> {
        let Some(archive) = config.flavour().and_then(|kernel| kernel.archive.as_ref()) else {
            return Ok(None);
        };
        let url = std::env::var(&archive.url_from).ok().filter(|url| !url.is_empty());
        let url = url.filter(|_| archive.keyring.exists()).ok_or_else(|| NoMirror::Kernel {
            flavour: config.image.kernel.clone(),
            variable: archive.url_from.clone(),
            keyring: archive.keyring.clone(),
        })?;
        Ok(Some(url.trim_end_matches('/').to_owned()))
    }

    /// The Debian mirror to use, `configured` first.
    ///
    /// # Errors
    /// When none is known; the sentence says what to set.
    pub fn debian(configured: Option<&str>) -> Result<Self, NoMirror> {
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
        Self::from_sources(&texts.join("\n\n")).ok_or(NoMirror::Debian)
    }

    fn from_main(url: &str) -> Self {
        let main = url.trim_end_matches('/').to_owned();
        Self { security: format!("{main}-security"), main, kernel: None }
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

    /// Address of a package; none when it came from a kernel flavour's archive and that is not known.
    #[must_use]
    pub fn url(&self, package: &Package) -> Option<String> {
        let base = match package {
            Package { kernel_archive: true, .. } => self.kernel.as_ref()?,
            package if package.is_security() => &self.security,
            _ => &self.main,
        };
        Some(format!("{base}/{}", package.path))
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
            kernel: None,
        };
        assert_eq!(Mirror::from_sources(deb822), Some(both));
        let lines = "deb https://other.example/apt stable main\ndeb [arch=amd64] http://m.example/debian/ trixie main";
        assert_eq!(Mirror::from_sources(lines).unwrap().security, "http://m.example/debian-security");
        assert_eq!(Mirror::from_sources("deb http://archive.example/ubuntu noble main"), None);
    }

    #[test]
    fn each_archive_has_its_own_address() {
        let mut package: Package = toml::from_str(
            "section = 'system'\nname = 'a'\narchitecture = 'all'\nversion = '1'\nsource = 'a'\n\
             path = 'pool/main/a.deb'\nsize = 1\nsha256 = ''",
        )
        .unwrap();
        let mut mirror = Mirror::from_main("http://m.example/debian/");
        assert_eq!(mirror.url(&package).unwrap(), "http://m.example/debian/pool/main/a.deb");
        package.kernel_archive = true;
        assert_eq!(mirror.url(&package), None);
        mirror.kernel = Some("http://k.example/debian".into());
        assert_eq!(mirror.url(&package).unwrap(), "http://k.example/debian/pool/main/a.deb");
        package.kernel_archive = false;
        package.path = "pool/updates/a.deb".into();
        assert_eq!(mirror.url(&package).unwrap(), "http://m.example/debian-security/pool/updates/a.deb");
    }
}
