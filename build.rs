//! Makes the folder of the join page, so that a bare `cargo build` works; the page itself comes from `make web`.

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
    if let Err(error) = std::fs::create_dir_all("web/dist") {
        println!("cargo::warning=the folder web/dist cannot be made: {error}");
    }
}
