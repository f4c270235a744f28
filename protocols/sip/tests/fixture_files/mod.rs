//! The messages of `fixtures/sip`.

use std::{fs, path::Path};

/// Every message there, as `vendor/name` without `.txt`, in order.
pub(crate) fn messages() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sip");
    let mut found = Vec::new();
    for vendor in fs::read_dir(&root).expect("fixtures/sip is there") {
        let vendor = vendor.expect("an entry").path();
        for file in fs::read_dir(&vendor).expect("one folder for each vendor") {
            let path = file.expect("an entry").path();
            assert!(path.extension().is_some_and(|e| e == "txt"), "{} is no message", path.display());
            let name = path.strip_prefix(&root).expect("below the root").with_extension("");
            found.push((name.to_str().expect("plain names").to_owned(), fs::read(&path).expect("readable")));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no message in {}", root.display());
    found
}
