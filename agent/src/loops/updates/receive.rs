//! Bundles that are handed in, piece by piece.

use std::fs::File;
use std::sync::Arc;

use tayberry_core::request::problem::Problem;
use tayberry_core::request::update::{Piece, Updates};

use super::work::Done;
use super::{Handle, lock};
use crate::update::job::Source;
use crate::update::upload::{Shared, Upload};

impl Handle {
    /// Takes a piece of a bundle, and waits until it is used up or the install has ended.
    ///
    /// # Errors
    /// When another update is under way, or this one is refused or fails.
    pub async fn receive(&self, piece: Piece, file: File) -> Result<Updates, Problem> {
        let (shared, done) = self.feed(piece, file)?;
        tokio::select! {
            ended = self.end_of(done) => ended,
            () = shared.is_hungry() => Ok(self.look()),
        }
    }

    /// Gives the piece to the job that waits for it, or begins one.
    fn feed(&self, piece: Piece, file: File) -> Result<(Arc<Shared>, Done), Problem> {
        let mut work = lock(&self.0.work);
        if let Some(work) = work.as_ref().filter(|work| work.runs()) {
            let feed = work.feed.as_ref().ok_or_else(|| work.busy())?;
            feed.put(piece, file)?;
            return Ok((work.shared.clone(), work.done.clone()));
        }
        self.may_write()?;
        let (upload, feed, shared) = Upload::begin(piece, file)?;
        let begun = self.spawn(
            Some(feed),
            shared.clone(),
            piece.again,
            |context| context.install(Source::Upload(upload)),
            Self::written,
        )?;
        let done = begun.done.clone();
        *work = Some(begun);
        Ok((shared, done))
    }
}
