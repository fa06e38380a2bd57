//! Bundles that are handed in, piece by piece.

use std::fs::File;
use std::sync::Arc;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{Piece, Updates};

use super::work::{Done, Work};
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
            return go_on(work, piece, file);
        }
        if piece.offset != 0 {
            return Err(Problem::new(Kind::WrongOffset, "The upload goes on at byte 0."));
        }
        let (upload, feed, shared) = Upload::new(piece.bytes);
        // The reader waits on the other end, and the first piece is the first in the queue.
        if shared.claim() && feed.send(file).is_err() {
            shared.cancel();
        }
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

fn go_on(work: &Work, piece: Piece, file: File) -> Result<(Arc<Shared>, Done), Problem> {
    let at = work.shared.at();
    let Some(feed) = work.feed.as_ref().filter(|_| piece.offset == at || piece.offset != 0) else {
        return Err(work.busy());
    };
    if piece.offset != at {
        return Err(Problem::new(Kind::WrongOffset, format!("The upload goes on at byte {at}.")));
    }
    if !work.shared.claim() || feed.send(file).is_err() {
        return Err(work.busy());
    }
    Ok((work.shared.clone(), work.done.clone()))
}
