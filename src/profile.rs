//! Device families: sip-profiles/*.toml.
