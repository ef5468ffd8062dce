//! Finding an adapter, and keeping pictures.

use std::path::PathBuf;

use viewer_app::{App, Picture, headless};

/// An app of this size, or nothing where the machine has no adapter.
pub(crate) fn app(width: u32, height: u32) -> Option<App> {
    match headless::open(width, height) {
        Ok(app) => Some(app),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have a graphics adapter: {error}");
            eprintln!("left out: {error}");
            None
        }
    }
}

pub(crate) fn folder() -> PathBuf {
    let folder = std::env::var_os("URBIS_ARTEFACTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/artefacts"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn keep(picture: &Picture, name: &str) {
    let file = std::fs::File::create(folder().join(name)).unwrap();
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header().unwrap().write_image_data(&picture.bytes).unwrap();
}
