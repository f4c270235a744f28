//! Says aloud when the H.264 library is about to be built without assembly: it would do so silently.

use std::{env, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    println!("cargo:rerun-if-env-changed=OPENH264_NO_ASM");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(arch.as_str(), "x86" | "x86_64") {
        return;
    }
    let nasm = Command::new("nasm").arg("-v").output().is_ok_and(|output| output.status.success());
    if !nasm || env::var_os("OPENH264_NO_ASM").is_some() {
        println!(
            "cargo:warning=openh264 is built WITHOUT assembly (no `nasm`): H.264 takes 2 to 2.5 times the CPU. \
             Install nasm, then run `cargo clean -p openh264-sys2` and build again."
        );
    }
}
