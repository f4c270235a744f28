//! Keeps the directory in memory up to date with what commands, or other nodes, write into the store.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{Directory, Store, StoreError};

/// A command's change is seen within a second.
const POLL: Duration = Duration::from_millis(500);

/// The directory of now. Reading it never waits.
#[derive(Clone)]
pub struct Directories {
    now: Arc<ArcSwap<Directory>>,
    changes: watch::Receiver<i64>,
}

impl Directories {
    /// The snapshot of this moment.
    pub fn now(&self) -> Arc<Directory> {
        self.now.load_full()
    }

    /// Waits until there is a newer snapshot than the last one that this clone was told of. None: the store is closed.
    pub async fn changed(&mut self) -> Option<Arc<Directory>> {
        self.changes.changed().await.ok()?;
        self.changes.mark_unchanged();
        Some(self.now())
    }
}

/// Loads the directory and follows the store until the task is aborted, or the last [`Directories`] is dropped.
pub async fn follow(store: Store) -> Result<(Directories, JoinHandle<()>), StoreError> {
    let first = store.load().await?;
    let (sender, changes) = watch::channel(first.seq());
    let now = Arc::new(ArcSwap::from_pointee(first));
    let directories = Directories { now: Arc::clone(&now), changes };
    let task = tokio::spawn(async move {
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = sender.closed() => return,
            }
            let seq = now.load().seq();
            match refresh(&store, seq).await {
                Ok(None) => failing = false,
                Ok(Some(directory)) => {
                    failing = false;
                    let seq = directory.seq();
                    tracing::debug!(seq, rooms = directory.rooms().len(), "rooms and endpoints read anew");
                    now.store(Arc::new(directory));
                    sender.send_replace(seq);
                }
                // the last good snapshot stands; one line, not two a second
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, store = %store.path().display(), "rooms and endpoints cannot be read");
                }
                Err(_) => {}
            }
        }
    });
    Ok((directories, task))
}

async fn refresh(store: &Store, seq: i64) -> Result<Option<Directory>, StoreError> {
    match store.changed_since(seq).await? {
        None => Ok(None),
        Some(_) => store.load().await.map(Some),
    }
}
