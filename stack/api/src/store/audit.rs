//! The audit log: who did what and when. Entries are only ever added, and each holds the hash of the one before it: one that is changed
//! or taken out later is found out.

use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::doc;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Store, is_duplicate};

/// How often an entry is tried to be put behind the last one, which somebody else may have written meanwhile.
const TRIES: u32 = 16;

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Act {
    /// Who.
    pub(crate) actor: String,
    /// What, such as `user-added`.
    pub(crate) action: String,
    /// To whom or what.
    pub(crate) subject: String,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Entry {
    /// Its number, from 1, without a gap.
    #[serde(rename = "_id")]
    pub(crate) number: i64,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// What somebody did.
    #[serde(flatten)]
    pub(crate) act: Act,
    /// SHA-256 of the entry before, and this one's numbers and words; hexadecimal.
    pub(crate) hash: String,
}

impl Entry {
    /// The entry behind `last`.
    pub(crate) fn after(last: Option<&Self>, act: Act, at: i64) -> Self {
        let number = last.map_or(1, |last| last.number + 1);
        let hash = hash(last.map_or("", |last| &last.hash), number, at, &act);
        Self { number, at, act, hash }
    }

    /// Whether it belongs behind `last`.
    pub(crate) fn follows(&self, last: Option<&Self>) -> bool {
        *self == Self::after(last, self.act.clone(), self.at)
    }
}

fn hash(before: &str, number: i64, at: i64, act: &Act) -> String {
    let mut hash = Sha256::new();
    // Each with its length: no two entries make the same sequence of bytes.
    for part in [before, &number.to_string(), &at.to_string(), &act.actor, &act.action, &act.subject] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

impl Store {
    fn audit(&self) -> Collection<Entry> {
        self.0.collection("audit")
    }

    /// Adds an entry.
    pub(crate) async fn note(&self, act: Act, at: i64) -> Result<Entry, mongodb::error::Error> {
        let mut tries = 0;
        loop {
            let last = self.audit().find_one(doc! {}).sort(doc! { "_id": -1 }).await?;
            let entry = Entry::after(last.as_ref(), act.clone(), at);
            tries += 1;
            match self.audit().insert_one(&entry).await {
                Err(error) if is_duplicate(&error) && tries < TRIES => {}
                done => return done.map(|_| entry),
            }
        }
    }

    /// Entries before `before`, the newest first.
    pub(crate) async fn entries(
        &self,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Entry>, mongodb::error::Error> {
        let which = before.map_or_else(|| doc! {}, |before| doc! { "_id": { "$lt": before } });
        self.audit().find(which).sort(doc! { "_id": -1 }).limit(limit).await?.try_collect().await
    }

    /// The number of the first entry that does not follow the one before it; none when the whole log is good.
    pub(crate) async fn first_wrong(&self) -> Result<Option<i64>, mongodb::error::Error> {
        let mut all = self.audit().find(doc! {}).sort(doc! { "_id": 1 }).await?;
        let mut last = None;
        while let Some(entry) = all.try_next().await? {
            if !entry.follows(last.as_ref()) {
                return Ok(Some(entry.number));
            }
            last = Some(entry);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(subject: &str) -> Act {
        Act { actor: "Ada".into(), action: "user-added".into(), subject: subject.into() }
    }

    #[test]
    fn what_is_changed_taken_out_or_put_in_is_found() {
        let mut log: Vec<Entry> = Vec::new();
        for number in 0..5 {
            log.push(Entry::after(log.last(), act(&number.to_string()), 100 + number));
        }
        let good = |log: &[Entry]| {
            (0..log.len()).all(|place| log[place].follows(place.checked_sub(1).map(|before| &log[before])))
        };
        assert!(good(&log));
        let mut changed = log.clone();
        changed[2].act.subject = "x".into();
        let mut shorter = log.clone();
        shorter.remove(2);
        let mut later = log.clone();
        later[4].at += 1;
        assert!(!good(&changed) && !good(&shorter) && !good(&later));
        assert_ne!(
            hash("", 1, 2, &act("ab")),
            hash("", 1, 2, &Act { action: "user-addeda".into(), ..act("b") })
        );
    }
}
