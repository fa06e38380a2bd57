//! The state while the agent runs: one copy in memory that everybody reads, one writer at a time, and nothing counts
//! before it is on the disk. Whoever acts on the state watches it.

use std::sync::Arc;

use tayberry_format::state::State;
use tokio::sync::{Mutex, watch};

use crate::device::store::{Store, StoreError};

/// The keeper of the state; clones share it.
#[derive(Clone)]
pub struct Keeper {
    store: Store,
    writer: Arc<Mutex<()>>,
    state: watch::Sender<Arc<State>>,
}

impl Keeper {
    /// Loads the document. The second value is what the owner must know about it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(store: Store) -> Result<(Self, Option<String>), StoreError> {
        let settled = store.load()?;
        let (state, _) = watch::channel(Arc::new(settled.state));
        Ok((Self { store, writer: Arc::default(), state }, settled.notice))
    }

    /// The state now.
    #[must_use]
    pub fn get(&self) -> Arc<State> {
        self.state.borrow().clone()
    }

    /// Tells of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<State>> {
        self.state.subscribe()
    }

    /// Changes the state: `change` decides on a copy, which then is saved, and only then holds.
    ///
    /// # Errors
    /// Whatever `change` refuses, or when the document cannot be written; the state stays as it was.
    pub async fn change<T, E>(&self, change: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let _one = self.writer.lock().await;
        let before = self.get();
        let mut next = State::clone(&before);
        let answer = change(&mut next)?;
        if next != *before {
            let (store, next) = (self.store.clone(), Arc::new(next));
            let saved = next.clone();
            // The disk may take its time; the agent's watchdog must not wait for it.
            let done = tokio::task::spawn_blocking(move || store.save(&saved)).await;
            done.unwrap_or_else(|stopped| Err(StoreError::stopped(&stopped)))?;
            self.state.send_replace(next);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(name: &str) -> impl FnOnce(&mut State) -> Result<(), StoreError> {
        let name = name.to_owned();
        move |state| {
            state.hostname = name.try_into().ok();
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_change_holds_when_it_is_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let (keeper, notice) = Keeper::open(Store::new(folder.path())).unwrap();
        assert_eq!(notice, None);
        let mut watching = keeper.watch();
        keeper.change(rename("attic")).await.unwrap();
        assert!(watching.has_changed().unwrap());
        let (again, _) = Keeper::open(Store::new(folder.path())).unwrap();
        assert_eq!(again.get(), *watching.borrow_and_update());
        // The same again changes nothing.
        keeper.change(rename("attic")).await.unwrap();
        assert!(!watching.has_changed().unwrap());
    }

    #[tokio::test]
    async fn what_cannot_be_saved_does_not_hold() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("folder");
        let (keeper, _) = Keeper::open(Store::new(&inside)).unwrap();
        std::fs::write(&inside, "a file is in its place").unwrap();
        keeper.change(rename("attic")).await.unwrap_err();
        assert_eq!(*keeper.get(), State::default());
    }
}
