//! Rooms, endpoints and bindings at rest: SQLite in WAL mode with one writer, PINs and passwords sealed.
//!
//! Lookups never wait for it: the running server holds a [`Directory`] in memory, replaced whole when the `changes`
//! table has moved ([`watch`]), and writes bindings and call records behind ([`behind`]).

pub mod behind;
pub mod directory;
mod endpoints;
mod error;
mod names;
mod records;
mod rooms;
pub mod secret;
pub mod watch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sqlx::{
    Sqlite, SqliteConnection, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};

pub use directory::{Directory, EndpointRecord, RoomRecord, RoomType, VideoClass};
pub use error::StoreError;
pub use records::{BindingRecord, CallRecord};
pub use rooms::{PinChoice, RoomChange, RoomDraft};
pub use secret::Secret;

use crate::config::StoreConfig;
use secret::SecretKey;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(5);

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    reader: SqlitePool,
    /// One connection: writes of this process queue here instead of failing with "busy".
    writer: SqlitePool,
    key: Arc<SecretKey>,
    path: Arc<PathBuf>,
}

impl Store {
    /// Opens the store, makes it and its key at first start, and brings its tables up to date.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let path = Arc::new(config.path.clone());
        let fail = |error: sqlx::Error| StoreError::open(&config.path, error.to_string());
        let folder = config.path.parent().unwrap_or_else(|| Path::new("/"));
        let fail_folder =
            |error: std::io::Error| StoreError::open(&config.path, format!("{}: {error}", folder.display()));
        make_private_folder(folder).map_err(fail_folder)?;
        // until the tables and the key are made: two processes may start for the first time at once
        let lock = std::fs::File::open(folder).map_err(fail_folder)?;
        lock.lock().map_err(fail_folder)?;
        make_private_file(&config.path).map_err(|error| StoreError::open(&config.path, error.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(&config.path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let writer =
            SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.map_err(fail)?;
        sqlx::migrate!("src/store/migrations")
            .run(&writer)
            .await
            .map_err(|error| StoreError::open(&config.path, error.to_string()))?;
        let reader = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.map_err(fail)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
        let key = unlock(&mut transaction, config).await?;
        transaction.commit().await.map_err(fail)?;
        drop(lock);
        Ok(Self { reader, writer, key: Arc::new(key), path })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all rooms and endpoints and opens their secrets.
    pub async fn load(&self) -> Result<Directory, StoreError> {
        // one transaction: the number and what it stands for belong together
        let mut transaction = self.reader.begin().await?;
        let seq = latest(&mut transaction).await?;
        let rooms = rooms::load(&mut transaction, &self.key).await?;
        let endpoints = endpoints::load(&mut transaction, &self.key).await?;
        transaction.commit().await?;
        Ok(Directory::new(seq, rooms, endpoints))
    }

    /// The number of the latest change, if it is not `seq`.
    pub async fn changed_since(&self, seq: i64) -> Result<Option<i64>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let latest = latest(&mut connection).await?;
        Ok(Some(latest).filter(|latest| *latest != seq))
    }

    /// Ends all connections; what was written is on disk.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        // "immediate": a transaction that reads first and writes later would fail when another process wrote between
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Makes the key at first start; afterwards the key must be the one that sealed what is stored.
async fn unlock(connection: &mut SqliteConnection, config: &StoreConfig) -> Result<SecretKey, StoreError> {
    let stored: Option<(String,)> =
        sqlx::query_as("SELECT id FROM secret_keys ORDER BY created DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    let Some((id,)) = stored else {
        let key = SecretKey::read_or_make(&config.key_file)?;
        sqlx::query("INSERT INTO secret_keys (id, created) VALUES ($1, $2)")
            .bind(key.id())
            .bind(unix_ms())
            .execute(connection)
            .await?;
        return Ok(key);
    };
    let key = SecretKey::read(&config.key_file, &config.path)?;
    if key.id() != id {
        return Err(StoreError::WrongKey { key_file: config.key_file.clone(), store: config.path.clone() });
    }
    Ok(key)
}

async fn latest(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let (seq,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(seq), 0) FROM changes").fetch_one(connection).await?;
    Ok(seq)
}

/// Tells running servers that rooms or endpoints have changed.
async fn announce(connection: &mut SqliteConnection, topic: &str) -> Result<(), StoreError> {
    let (seq,): (i64,) = sqlx::query_as("INSERT INTO changes (at, topic) VALUES ($1, $2) RETURNING seq")
        .bind(unix_ms())
        .bind(topic)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM changes WHERE seq < $1").bind(seq - KEPT_CHANGES).execute(connection).await?;
    Ok(())
}

const KEPT_CHANGES: i64 = 1000;

/// Now, as the store keeps it.
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Makes a folder that only its owner may enter, unless it is there.
pub fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// SQLite would make the file by the umask; its journal files take the file's mode. An existing file is not even opened:
/// closing it would release the locks that another connection of this process holds.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
