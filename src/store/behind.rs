//! Writes bindings and call records behind the running server, which never waits for the disk.

use std::{collections::HashMap, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

use super::{BindingRecord, CallRecord, Store};

/// What is waiting to be written, at most: beyond that call records are dropped rather than memory filled.
const QUEUE: usize = 4096;
/// How often a write that failed is tried, and the pause between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

enum Write {
    Bindings(String, Vec<BindingRecord>),
    Call(Box<CallRecord>),
}

/// Takes what is to be written. Dropping the last clone ends the task once everything is on disk.
#[derive(Clone)]
pub struct Behind {
    queue: mpsc::Sender<Write>,
}

impl Behind {
    /// Starts the task; await its handle after the last clone is dropped, before the store is closed.
    pub fn start(store: Store) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue }, tokio::spawn(write(store, waiting)))
    }

    /// All bindings that an account has now; none: it has unregistered.
    pub fn save_bindings(&self, account: &str, bindings: Vec<BindingRecord>) {
        self.send(Write::Bindings(account.to_owned(), bindings));
    }

    pub fn save_call(&self, call: CallRecord) {
        self.send(Write::Call(Box::new(call)));
    }

    fn send(&self, write: Write) {
        if self.queue.try_send(write).is_err() {
            tracing::error!("the store does not keep up: a binding or call record is lost");
        }
    }
}

async fn write(store: Store, mut waiting: mpsc::Receiver<Write>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, QUEUE).await > 0 {
        // of an account that registered several times only the latest state counts
        let mut latest = HashMap::new();
        for (index, write) in batch.iter().enumerate() {
            if let Write::Bindings(account, _) = write {
                latest.insert(account.clone(), index);
            }
        }
        for (index, write) in batch.drain(..).enumerate() {
            match &write {
                Write::Bindings(account, _) if latest.get(account) != Some(&index) => {}
                write => persist(&store, write).await,
            }
        }
    }
}

async fn persist(store: &Store, write: &Write) {
    for attempt in 1..=TRIES {
        let written = match write {
            Write::Bindings(account, records) => store.save_bindings(account, records).await,
            Write::Call(call) => store.save_call(call).await,
        };
        match written {
            Ok(()) => return,
            Err(error) if attempt == TRIES => {
                tracing::error!(%error, "a binding or call record could not be written")
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}
