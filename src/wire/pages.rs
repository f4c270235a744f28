//! The pages' WebSockets, by number.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

use crate::signalling::web::PageId;

/// Messages that wait for a slow page. Then it is closed.
const QUEUE: usize = 256;

/// The WebSockets that are open.
#[derive(Clone, Default)]
pub(super) struct Pages(Arc<Shared>);

#[derive(Default)]
struct Shared {
    last: AtomicU64,
    open: Mutex<HashMap<PageId, mpsc::Sender<String>>>,
}

impl Pages {
    /// A new page: its number, and what it shall be sent. The queue's end means: close.
    pub(super) fn open(&self) -> (PageId, mpsc::Receiver<String>) {
        let page = PageId(self.0.last.fetch_add(1, Ordering::Relaxed) + 1);
        let (queue, waiting) = mpsc::channel(QUEUE);
        self.lock().insert(page, queue);
        (page, waiting)
    }

    pub(super) fn send(&self, page: PageId, text: String) {
        let mut open = self.lock();
        if open.get(&page).is_some_and(|queue| queue.try_send(text).is_err()) {
            tracing::warn!(page = page.0, "a page that does not read is closed");
            open.remove(&page);
        }
    }

    /// Closes when everything has been sent.
    pub(super) fn close(&self, page: PageId) {
        self.lock().remove(&page);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PageId, mpsc::Sender<String>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
