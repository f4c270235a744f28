//! Why the store refused: what, where, and what to do.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store {} cannot be opened: {reason}; check store.url or data-dir and the rights of this user", path.display())]
    Open { path: PathBuf, reason: String },

    #[error(
        "the secret key {} of the store {} is missing; put the key file back from your backup, or set store.key-file. \
         Without it the PINs and passwords in the store cannot be read",
        key_file.display(), store.display()
    )]
    MissingKey { key_file: PathBuf, store: PathBuf },

    #[error(
        "the secret key {} does not belong to the store {}; put the store's own key file back, or set store.key-file",
        key_file.display(), store.display()
    )]
    WrongKey { key_file: PathBuf, store: PathBuf },

    #[error("the secret key {} cannot be used: {reason}", key_file.display())]
    BadKey { key_file: PathBuf, reason: String },

    /// Somebody changed the row behind our back, or moved a secret from one row to another.
    #[error("the secret {field} of {record} in the store cannot be opened; restore the store from a backup")]
    Sealed { record: String, field: &'static str },

    #[error("there is no room {0}; `roomgate room list` shows those there are")]
    NoRoom(String),

    #[error("there is no endpoint {0}; `roomgate endpoint list` shows those there are")]
    NoEndpoint(String),

    #[error("the name {name} is taken by {by}; choose another")]
    NameTaken { name: String, by: String },

    /// A rule of the room's type or of names is broken.
    #[error("{0}")]
    Rule(String),

    #[error("the store failed: {0}")]
    Database(#[from] sqlx::Error),
}

impl StoreError {
    pub(super) fn open(path: &Path, reason: String) -> Self {
        Self::Open { path: path.to_owned(), reason }
    }
}
