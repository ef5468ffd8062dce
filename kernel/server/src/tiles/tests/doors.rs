//! Tags, compression, times, and the standards' documents.

use axum::http::{HeaderMap, StatusCode, header};
use kernel_model::{Change, TimeUs};

use super::town::{SOUTH, WEST, height_m, house, key, town};

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers[name].to_str().unwrap()
}

/// The tile of zoom 15 over the town's south-west corner.
fn corner() -> (u32, u32) {
    let side = f64::from(1_u32 << 15);
    let rad = (SOUTH + 1e-3_f64).to_radians();
    let down = (1.0 - (rad.tan() + 1.0 / rad.cos()).ln() / std::f64::consts::PI) / 2.0;
    (((WEST + 1e-3 + 180.0) / 360.0 * side) as u32, (down * side) as u32)
}

#[tokio::test]
async fn a_tile_has_a_tag_that_lasts_as_long_as_what_it_shows() {
    let mut town = town();
    let (x, y) = corner();
    let path = format!("/tiles/building/15/{x}/{y}.mvt");
    let (status, headers, plain) = town.get(&path, &[]).await;
    assert_eq!((status, text(&headers, header::CONTENT_TYPE)), (StatusCode::OK, "application/vnd.mapbox-vector-tile"));
    assert_eq!(text(&headers, header::VARY), "Accept-Encoding");
    let tag = text(&headers, header::ETAG).to_owned();
    let (status, headers, nothing) = town.get(&path, &[("if-none-match", &format!("\"other\", {tag}"))]).await;
    assert_eq!((status, nothing.len(), text(&headers, header::ETAG)), (StatusCode::NOT_MODIFIED, 0, tag.as_str()));

    let (_, headers, zipped) = town.get(&path, &[("accept-encoding", "br, gzip;q=0.5")]).await;
    assert_eq!(text(&headers, header::CONTENT_ENCODING), "gzip");
    let mut unzipped = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut unzipped).unwrap();
    assert!(unzipped == plain && zipped.len() < plain.len());
    let (_, headers, refused) = town.get(&path, &[("accept-encoding", "gzip;q=0")]).await;
    assert!(headers.get(header::CONTENT_ENCODING).is_none() && refused == plain);

    town.store.commit(&[vec![Change::Entity(house(45, 45, 7.0))]]).unwrap();
    let (status, ..) = town.get(&path, &[("if-none-match", &tag)]).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED, "the edited house is far away");
    let before = TimeUs::now();
    town.store.commit(&[vec![Change::Entity(house(2, 2, 7.0))]]).unwrap();
    let (status, headers, _) = town.get(&path, &[("if-none-match", &tag)]).await;
    assert!(status == StatusCode::OK && text(&headers, header::ETAG) != tag);
    let (status, ..) = town.get(&format!("{path}?recorded={before}"), &[("if-none-match", &tag)]).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED, "by what was known then it is as it was");
}

#[tokio::test]
async fn what_is_no_tile_says_so() {
    let mut town = town();
    let status = async |path: &str| town.get(path, &[]).await.0.as_u16();
    for (path, wanted) in [
        ("/tiles/building/14/0/0.mvt", 204),
        ("/tiles/water/14/0/0.mvt", 204),
        ("/tiles/castle/14/0/0.mvt", 404),
        ("/tiles/building/2/4/0.mvt", 404),
        ("/tiles/building/23/0/0.mvt", 404),
        ("/tiles/building/900/0/0.mvt", 404),
        ("/tiles/building/a/0/0.mvt", 400),
        ("/tiles/building/14/0/0.png", 404),
        ("/tiles/building/14/0/0.mvt?datetime=today", 400),
        ("/tiles/water.json", 404),
        ("/3dtiles/road/tileset.json", 404),
        ("/3dtiles/building/tileset.json?ground_m=1e9", 400),
        ("/3dtiles/building/1-0-0/0/0/0.glb", 404),
        ("/3dtiles/building/x/0/0/0.glb", 404),
        ("/3dtiles/building/30-0-0/0/0/0.glb", 404),
        ("/3dtiles/building/1-1-1/200/0/0.glb", 404),
        ("/3dtiles/building/1-1-1/subtrees/1/0/0.subtree", 404),
        ("/ogc/collections/building/tiles/Other", 404),
        ("/ogc/tileMatrixSets/Other", 404),
    ] {
        assert_eq!(status(path).await, wanted, "{path}");
    }
    town.store.commit(&[vec![Change::Retire { source: key("0-0"), at: TimeUs::now() }]]).unwrap();
    let answers = town.json("/tiles/building.json").await;
    assert!(answers["bounds"][0].as_f64().unwrap() > WEST - 1e-4);
}

#[tokio::test]
async fn the_documents_lead_to_the_tiles() {
    let town = town();
    let (x, y) = corner();
    let tile_json = town.json("/tiles/building.json?datetime=2026-01-01T00:00:00Z").await;
    assert_eq!(
        tile_json["tiles"][0],
        "http://town.example/tiles/building/{z}/{x}/{y}.mvt?datetime=2026-01-01T00:00:00Z"
    );
    assert_eq!(tile_json["vector_layers"][0]["id"], "building");
    let list = town.json("/ogc/collections/building/tiles").await;
    let links = list["tilesets"][0]["links"].as_array().unwrap();
    let href = |rel: &str| {
        let link = links.iter().find(|link| link["rel"] == rel).unwrap();
        link["href"].as_str().unwrap().strip_prefix("http://town.example").unwrap().to_owned()
    };
    let tileset = town.json(&href("self")).await;
    assert_eq!(tileset["layers"][0]["propertiesSchema"]["properties"]["height_m"]["type"], "number");
    let template = href("item").replace("{tileMatrix}", "15").replace("{tileRow}", &y.to_string());
    let (status, _, by_standard) = town.get(&template.replace("{tileCol}", &x.to_string()), &[]).await;
    let (_, _, by_name) = town.get(&format!("/tiles/building/15/{x}/{y}.mvt"), &[]).await;
    assert!(status == StatusCode::OK && by_standard == by_name && !by_name.is_empty());
    let set = town.json(&href("http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme")).await;
    let first = &set["tileMatrices"][0];
    // OGC 17-083r4, table D.1: level 0.
    assert!((first["scaleDenominator"].as_f64().unwrap() - 559_082_264.028_717_8).abs() < 0.01, "{first}");
    assert_eq!(
        (set["tileMatrices"].as_array().unwrap().len(), &set["tileMatrices"][15]["matrixWidth"]),
        (23, &32_768.into())
    );
}

#[tokio::test]
async fn three_d_tiles_have_tags_too_and_hand_on_what_was_asked() {
    let mut town = town();
    let asked = "?recorded=2100-01-01T00:00:00Z&ground_m=12.5";
    let tileset = town.json(&format!("/3dtiles/building/tileset.json{asked}")).await;
    let child = &tileset["root"]["children"][0];
    let uri = child["content"]["uri"].as_str().unwrap();
    assert!(uri.ends_with("/{level}/{x}/{y}.glb?recorded=2100-01-01T00:00:00Z&ground_m=12.5"), "{uri}");
    let content = format!("/3dtiles/building/{}", uri.replace("{level}", "0").replace("{x}", "0").replace("{y}", "0"));
    let (status, headers, _) = town.get(&content, &[]).await;
    assert_eq!((status, text(&headers, header::CONTENT_TYPE)), (StatusCode::OK, "model/gltf-binary"));
    let tag = text(&headers, header::ETAG).to_owned();
    assert_eq!(town.get(&content, &[("if-none-match", &tag)]).await.0, StatusCode::NOT_MODIFIED);
    let all = (0..52).map(|row| Change::Entity(house(row, row, height_m(row, row) + 1.0))).collect();
    town.store.commit(&[all]).unwrap();
    assert_eq!(town.get(&content, &[("if-none-match", &tag)]).await.0, StatusCode::OK);
}
