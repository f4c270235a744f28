//! What several tests need: a folder of their own, and a store in it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use roomgate::{
    config::{Config, ConfigErrors, Sources, StoreConfig},
    store::{PinChoice, RoomDraft, RoomType, Store, VideoClass},
};

/// A fresh folder, removed with its contents at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn config(&self) -> StoreConfig {
        StoreConfig { path: self.0.join("roomgate.db"), key_file: self.0.join("secret.key") }
    }

    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.config()).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn draft(address: &str, kind: RoomType) -> RoomDraft {
    RoomDraft {
        address: address.to_owned(),
        name: format!("Room {address}"),
        kind,
        host_pin: PinChoice::Made,
        guest_pin: PinChoice::Made,
        video: VideoClass::Hd720,
        expected: None,
        chat: false,
        aliases: Vec::new(),
        organisation: None,
    }
}

/// Reads a configuration from text, with the data directory in the folder.
pub(crate) fn config(folder: &Folder, text: &str) -> Result<Config, ConfigErrors> {
    let file = folder.path().join("roomgate.toml");
    std::fs::write(&file, text).unwrap();
    let data = folder.path().join("data");
    Config::load(&Sources { file: Some(file), data: Some(data), environment: Vec::new() })
}
