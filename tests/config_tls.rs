//! Certificates: self-signed at first start, from files, and reloaded.

mod common;

use std::os::unix::fs::PermissionsExt;

use common::{Folder, config};
use roomgate::wire::tls::CertificateStore;

#[test]
fn a_self_signed_certificate_is_made_once_and_kept() {
    let folder = Folder::new("self");
    let config = config(&folder, "[sip]\ndomains = [\"meet.example.org\"]\n").unwrap();
    let first = CertificateStore::open(&config).unwrap();
    assert!(first.is_self_signed());
    let file = config.data_dir.join("self-signed.pem");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = CertificateStore::open(&config).unwrap();
    assert_eq!(first.chain(), again.chain());
    assert!(!first.refresh().unwrap());
    // the name stands in the certificate itself, not only in our note
    let der = first.chain().remove(0);
    assert!(der.windows(16).any(|w| w == b"meet.example.org") && der.windows(9).any(|w| w == b"localhost"));
}

#[test]
fn a_new_domain_makes_a_new_self_signed_certificate() {
    let folder = Folder::new("domain");
    let first = CertificateStore::open(&config(&folder, "").unwrap()).unwrap();
    let other = config(&folder, "[sip]\ndomains = [\"new.example.org\"]\n").unwrap();
    let second = CertificateStore::open(&other).unwrap();
    assert_ne!(first.chain(), second.chain());
    // the one that runs takes the new file
    assert!(first.refresh().unwrap());
    assert_eq!(first.chain(), second.chain());
}

#[test]
fn files_are_read_checked_and_read_again() {
    let folder = Folder::new("files");
    let (one, two) = (pair(), pair());
    let write = |certificate: &str, key: &str| {
        std::fs::write(folder.path().join("chain.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
    };
    write(&one.0, &one.1);
    let text = "[tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n";
    let config = config(&folder, text).unwrap();
    let store = CertificateStore::open(&config).unwrap();
    assert!(!store.is_self_signed());
    let first = store.chain();
    assert!(!folder.path().join("data/self-signed.pem").exists());

    // half a change: told, and the old one stays
    write(&two.0, &format!("{}\n", one.1));
    assert!(store.refresh().is_err());
    assert_eq!(store.chain(), first);
    assert!(!store.refresh().unwrap());
    write(&two.0, &format!("{}\n\n", two.1));
    assert!(store.refresh().unwrap());
    assert_ne!(store.chain(), first);

    for (certificate, key, names) in [
        (two.0.as_str(), one.1.as_str(), "line 3: tls.key"),
        ("", two.1.as_str(), "line 2: tls.certificate"),
        ("nonsense", two.1.as_str(), "line 2: tls.certificate"),
        (two.0.as_str(), "", "line 3: tls.key"),
    ] {
        write(certificate, key);
        let refused = CertificateStore::open(&config).unwrap_err().to_string();
        assert!(refused.contains(names) && refused.contains(".pem"), "{refused}");
    }
    std::fs::remove_file(folder.path().join("chain.pem")).unwrap();
    let refused = CertificateStore::open(&config).unwrap_err().to_string();
    assert!(refused.contains("chain.pem") && refused.contains("No such file"), "{refused}");
}

#[test]
fn listeners_speak_their_own_protocols() {
    let folder = Folder::new("alpn");
    let store = CertificateStore::open(&config(&folder, "").unwrap()).unwrap();
    assert_eq!(
        store.server_config(&["h2", "http/1.1"]).alpn_protocols,
        [b"h2".to_vec(), b"http/1.1".to_vec()]
    );
    assert!(store.server_config(&[]).alpn_protocols.is_empty());
}

fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}
