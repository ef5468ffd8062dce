//! Sees to it that the folder of the built page exists, so that the program builds before the page does.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../viewer/web/dist");
    println!("cargo::rerun-if-changed={}", folder.display());
    std::fs::create_dir_all(folder)
}
