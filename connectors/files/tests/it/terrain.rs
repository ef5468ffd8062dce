//! Grids of heights against what GDAL and rasterio say of them (DATA.md).

use connectors_files::{Error, Format, Grid, Options};
use kernel_model::{Change, HeightReference, Kind};
use proptest::prelude::*;

use crate::support::{file, one_line, read, read_bytes, shared};

fn picture(heights: &str, tile: &str) -> Options {
    Options { heights: Some(heights.to_owned()), tile: Some(tile.to_owned()), ..Options::default() }
}

#[test]
fn croatia_is_a_grid_with_an_extent() {
    let Some(path) = shared("terrain/dem_croatia.tif") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.format, summary.crs.as_str(), summary.records_read), (Format::Terrain, "EPSG:4326", 1));
    let grid = kept.entities().next().unwrap();
    assert_eq!(grid.kind, Kind::Terrain);
    let (low, high) = (grid.properties["lowest_m"].as_f64(), grid.properties["highest_m"].as_f64());
    assert_eq!((low, high, &grid.properties["voids"]), (Some(85.0), Some(243.0), &0.into()));
    assert_eq!(grid.properties["heights_above"], "unknown");
    let region = grid.geometry.as_ref().unwrap().region();
    for (found, wanted) in [
        (region.west, 18.666_297_944_2),
        (region.south, 45.776_701_437_6),
        (region.east, 18.703_597_944_2),
        (region.north, 45.811_701_437_6),
    ] {
        assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
    }
    let content = kept.changes.iter().find_map(|c| if let Change::Content(c) = c { Some(c) } else { None }).unwrap();
    assert_eq!(
        (content.bytes.len() as u64, content.media_type.as_str()),
        (path.metadata().unwrap().len(), "image/tiff; application=geotiff")
    );
}

#[test]
fn blocks_tile_the_grid_once() {
    for (path, columns, rows) in [("terrain/dem_croatia.tif", 373, 350), ("terrain/srtm_N49E011.hgt.zip", 1201, 1201)] {
        let Some(path) = shared(path) else { return };
        let mut grid = Grid::open(&path, &Options::default()).unwrap();
        assert_eq!((grid.columns, grid.rows), (columns, rows));
        let mut seen = vec![false; (columns * rows) as usize];
        while let Some(block) = grid.next_block().unwrap() {
            for at in 0..block.heights_m.len() as u32 {
                let (column, row) = (block.column + at % block.width, block.row + at / block.width);
                assert!(!std::mem::replace(&mut seen[(row * columns + column) as usize], true));
            }
        }
        assert!(seen.iter().all(|s| *s));
    }
}

#[test]
fn srtm_has_voids_and_sea_level() {
    let Some(path) = shared("terrain/srtm_N49E011.hgt.zip") else { return };
    let (_, kept) = read(&path, &Options::default()).unwrap();
    let grid = kept.entities().next().unwrap();
    let number = |key: &str| grid.properties[key].as_f64();
    assert_eq!((number("voids"), number("lowest_m"), number("highest_m")), (Some(20.0), Some(234.0), Some(920.0)));
    assert_eq!(grid.properties["heights_above"], "EPSG:5773", "EGM96");
    let region = grid.geometry.as_ref().unwrap().region();
    assert!((region.west - 11.0).abs() < 1e-12 && (region.north - 50.0).abs() < 1e-9, "{region:?}");
    let grid = Grid::open(&path, &Options::default()).unwrap();
    assert_eq!(grid.height_reference(), &HeightReference::Vertical("EPSG:5773".to_owned()));
    assert_eq!(grid.place(0, 0).unwrap().lat_deg, 50.0);
}

#[test]
fn pictures_need_their_encoding_and_place() {
    for (name, heights, low, high) in [("terrarium", "terrarium", 715.0, 2489.0), ("fuji", "terrain-rgb", 14.0, 3751.0)]
    {
        let Some(path) = shared(&format!("terrain/{name}.png")) else { return };
        assert!(one_line(&read(&path, &Options::default()).unwrap_err()).contains("--heights"));
        let without = Options { tile: None, ..picture(heights, "") };
        assert!(one_line(&read(&path, &without).unwrap_err()).contains("--tile"));
        let (_, kept) = read(&path, &picture(heights, "10/906/404")).unwrap();
        let grid = kept.entities().next().unwrap();
        let (lowest, highest) =
            (grid.properties["lowest_m"].as_f64().unwrap(), grid.properties["highest_m"].as_f64().unwrap());
        assert!((lowest - low).abs() < 1.0 && (highest - high).abs() < 1.0, "{name} {lowest} {highest}");
        let region = grid.geometry.as_ref().unwrap().region();
        // Tile 10/906/404: longitude 906/1024 of the way round.
        assert!((region.west - 138.515_625).abs() < 1e-9 && (region.east - 138.867_187_5).abs() < 1e-9, "{region:?}");
        assert!(region.south < 35.4 && region.north > 35.4);
    }
}

#[test]
fn photographs_and_broken_grids_are_refused() {
    for name in ["usda_naip_256_lzw_z3", "usda_naip_512_deflate_z2"] {
        let Some(path) = shared(&format!("terrain/cog/{name}.tif")) else { return };
        let error = read(&path, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }) && one_line(&error).contains("one band"), "{error}");
    }
    let Some(path) = shared("terrain/quantized_mesh.terrain") else { return };
    assert!(matches!(read(&path, &Options::default()), Err(Error::Foreign { .. })));
    let Some(path) = shared("terrain/dem_croatia.tif") else { return };
    let bytes = std::fs::read(path).unwrap();
    // The last bytes of this file are of no strip.
    for cut in [bytes.len() * 9 / 10, bytes.len() / 2, 100] {
        assert!(read_bytes("cut.tif", &bytes[..cut], &Options::default()).is_err(), "{cut}");
    }
}

#[test]
fn changed_bytes_never_make_it_panic() {
    let samples: Vec<(String, Vec<u8>)> = ["dem_croatia.tif", "fuji.png"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::fs::read(shared(&format!("terrain/{name}"))?).unwrap())))
        .collect();
    if samples.is_empty() {
        return;
    }
    let changes = prop::collection::vec((0_usize..4096, any::<u8>()), 1..6);
    proptest!(ProptestConfig::with_cases(60), |(which in 0..samples.len(), changes in changes)| {
        let (name, whole) = &samples[which];
        let mut bytes = whole.clone();
        for (at, byte) in changes {
            // The directory of this file stands at its end.
            let at = if at % 2 == 0 { at } else { bytes.len() - 1 - at };
            bytes[at] = byte;
        }
        let (_folder, path) = file(name, &bytes);
        if let Err(error) = read(&path, &picture("terrain-rgb", "10/906/404")) {
            one_line(&error);
        }
    });
}
