//! PINs and passwords at rest: unreadable without the key, and no start with the wrong one.

mod common;

use std::os::unix::fs::PermissionsExt;

use common::{Folder, draft};
use roomgate::store::{PinChoice, RoomType, Secret, Store, StoreError};

#[tokio::test]
async fn key_and_store_are_for_their_owner_alone() {
    let folder = Folder::new("modes");
    let store = folder.store().await;
    store.add_room(draft("1", RoomType::Administrative)).await.unwrap();
    for file in [&folder.config().path, &folder.config().key_file] {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn no_secret_stands_readable_in_any_file() {
    let folder = Folder::new("rest");
    let store = folder.store().await;
    let mut room = draft("1", RoomType::Administrative);
    (room.host_pin, room.guest_pin) = (given("90817263544"), given("11223344556"));
    store.add_room(room).await.unwrap();
    store.add_endpoint("kiosk", &Secret::new("correct horse battery")).await.unwrap();
    store.close().await;
    let mut searched = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in ["90817263544", "11223344556", "correct horse battery"] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
        }
        searched += bytes.len();
    }
    assert!(searched > 4096);
}

#[tokio::test]
async fn a_missing_key_beside_a_store_refuses_to_start() {
    let folder = Folder::new("missing");
    folder.store().await.close().await;
    std::fs::remove_file(folder.config().key_file).unwrap();
    let refused = Store::open(&folder.config()).await.err().unwrap();
    assert!(matches!(refused, StoreError::MissingKey { .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("secret.key") && text.contains("roomgate.db") && text.contains("backup"), "{text}");
    assert!(!folder.config().key_file.exists(), "a new key would hide the loss");
}

#[tokio::test]
async fn a_wrong_or_broken_key_refuses_to_start() {
    let folder = Folder::new("wrong");
    folder.store().await.close().await;
    let right = std::fs::read_to_string(folder.config().key_file).unwrap();

    std::fs::write(folder.config().key_file, "ab".repeat(32)).unwrap();
    let refused = Store::open(&folder.config()).await.err().unwrap();
    assert!(matches!(refused, StoreError::WrongKey { .. }), "{refused}");
    for broken in ["", "zz", &right.trim()[1..], "\u{0}"] {
        std::fs::write(folder.config().key_file, broken).unwrap();
        let refused = Store::open(&folder.config()).await.err().unwrap();
        assert!(matches!(refused, StoreError::BadKey { .. }), "{refused}");
        assert!(!refused.to_string().contains(right.trim()));
    }

    std::fs::write(folder.config().key_file, &right).unwrap();
    folder.store().await;
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_which() {
    let folder = Folder::new("broken");
    std::fs::write(
        folder.config().path,
        "this is no database, but a text that is long enough to be looked at",
    )
    .unwrap();
    let refused = Store::open(&folder.config()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Open { .. }));
    assert!(refused.to_string().contains("roomgate.db"), "{refused}");

    let mut config = folder.config();
    config.path = folder.path().join("roomgate.db/below/a-file.db");
    let refused = Store::open(&config).await.err().unwrap();
    assert!(refused.to_string().contains("a-file.db"), "{refused}");
}

fn given(pin: &str) -> PinChoice {
    PinChoice::Given(Secret::new(pin))
}
