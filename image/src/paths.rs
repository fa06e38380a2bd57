//! Where things lie on the workstation: the project, the cache, the output folder.

use std::path::{Path, PathBuf};

/// The folders of one run.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The checkout.
    pub project: PathBuf,
    /// Downloads, unpacked tools, intermediate results. Safe to delete at any time.
    pub cache: PathBuf,
}

/// A folder that cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// Not inside a checkout.
    #[error(
        "{0} has no image/appliance.toml: run tayberry inside its checkout, or name the folder with --project"
    )]
    NoProject(PathBuf),
    /// Neither a home nor a cache folder is known.
    #[error("neither HOME nor XDG_CACHE_HOME is set: name a folder for downloads with TAYBERRY_CACHE")]
    NoCache,
}

impl Paths {
    /// The checkout around `start`, and the cache folder: `TAYBERRY_CACHE`, else `tayberry` in the user's cache
    /// folder (XDG Base Directory Specification).
    ///
    /// # Errors
    /// When one of them cannot be found; the sentence says what to set.
    pub fn find(start: &Path) -> Result<Self, PathsError> {
        let absolute = std::path::absolute(start).unwrap_or_else(|_| start.to_owned());
        let project = absolute
            .ancestors()
            .find(|folder| folder.join("image/appliance.toml").exists())
            .ok_or_else(|| PathsError::NoProject(absolute.clone()))?
            .to_owned();
        Ok(Self { project, cache: Self::cache_folder()? })
    }

    /// The cache folder, which needs no checkout.
    ///
    /// # Errors
    /// When no variable names one.
    pub fn cache_folder() -> Result<PathBuf, PathsError> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = variable("TAYBERRY_CACHE")
            .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("tayberry")))
            .or_else(|| Some(variable("HOME")?.join(".cache/tayberry")))
            .ok_or(PathsError::NoCache)?;
        Ok(std::path::absolute(&cache).unwrap_or(cache))
    }

    /// `image/appliance.toml`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.project.join("image/appliance.toml")
    }

    /// `image/tayberry.lock`.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.project.join("image/tayberry.lock")
    }

    /// `image/reviewed-scripts.toml`.
    #[must_use]
    pub fn reviewed_scripts(&self) -> PathBuf {
        self.project.join("image/reviewed-scripts.toml")
    }

    /// Where finished images go unless the user names a folder.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        self.project.join("out")
    }
}
