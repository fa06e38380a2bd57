//! What a repository offers: asked for, and fetched.

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{InstallWish, Updates};
use tayberry_format::owner::Repository;

use super::work::{self, Done};
use super::{Asked, Handle, lock, sentence};
use crate::device::{clock, system};
use crate::update::job::{Shop, Source};

impl Handle {
    /// Address of the repository: the owner's, or the image's.
    #[must_use]
    pub fn repository(&self) -> Option<Repository> {
        let owners = self.0.keeper.get().updates.as_ref().and_then(|updates| updates.repository.clone());
        owners.or_else(system::repository)
    }

    fn shop(&self) -> Result<Shop, Problem> {
        let none = || {
            let detail =
                "This device knows no repository of updates: set one in the settings, or upload a bundle.";
            Problem::new(Kind::NotAllowed, detail)
        };
        Ok(Shop {
            address: self.repository().ok_or_else(none)?,
            channel: self.0.keeper.get().channel.clone(),
        })
    }

    /// Asks the repository what it offers, and waits for the answer.
    ///
    /// # Errors
    /// When there is none, it cannot be asked, or something else is under way.
    pub async fn check(&self) -> Result<Updates, Problem> {
        let shop = self.shop()?;
        let done = self.begin(
            false,
            move |context| context.check(&shop),
            |handle, result| {
                let at = Some((clock::now(), clock::uptime()));
                let asked = match &result {
                    Ok(Some((available, speed))) => {
                        Asked { at, available: Some(available.clone()), speed: speed.clone(), problem: None }
                    }
                    Ok(None) => Asked { at, ..Asked::default() },
                    Err(error) => {
                        Asked { at, problem: Some(sentence(&error.to_string())), ..Asked::default() }
                    }
                };
                *lock(&handle.0.asked) = asked;
                result.map(drop).map_err(|error| work::problem(&error))
            },
        )?;
        self.end_of(done).await
    }

    /// Fetches and writes what the repository offers. Answers when that has begun.
    ///
    /// # Errors
    /// When there is no repository, or something else is under way.
    pub fn install(&self, wish: InstallWish) -> Result<Updates, Problem> {
        self.fetch(wish.again)?;
        Ok(self.look())
    }

    pub(super) fn fetch(&self, again: bool) -> Result<Done, Problem> {
        let shop = self.shop()?;
        self.begin_writing(
            again,
            move |context| context.install(Source::Pull(shop)),
            |handle, result| {
                // What was refused before anything was written is told as an answer of the repository.
                if let Err(error) = &result
                    && error.reason().is_none()
                {
                    lock(&handle.0.asked).problem = Some(sentence(&error.to_string()));
                } else {
                    *lock(&handle.0.asked) = Asked::default();
                }
                handle.written(result)
            },
        )
    }
}
