//! Images on faces: what comes as binary glTF, and which files are opened for it.

use connectors_files::Options;
use kernel_model::{Change, ContentDraft};
use serde_json::Value;

use super::{faces, member, model, surfaces, triangle};
use crate::support::{Kept, read, shared};

/// The JSON and the binary chunk of a binary glTF, checked as its standard lays it out.
fn glb(bytes: &[u8]) -> (Value, &[u8]) {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&bytes[..4], word(4), word(8)), (&b"glTF"[..], 2, bytes.len()));
    let json_end = 20 + word(12);
    assert_eq!(
        (&bytes[16..20], word(json_end), &bytes[json_end + 4..json_end + 8]),
        (&b"JSON"[..], bytes.len() - json_end - 8, &b"BIN\0"[..])
    );
    (serde_json::from_slice(&bytes[20..json_end]).unwrap(), &bytes[json_end + 8..])
}

fn contents(kept: &Kept) -> Vec<&ContentDraft> {
    kept.changes.iter().filter_map(|c| if let Change::Content(content) = c { Some(content) } else { None }).collect()
}

#[test]
fn textured_objects_come_as_binary_gltf_too() {
    let Some(path) = shared("city/citygml/plateau-yokosuka/udx/bldg/52397519_bldg_6697_op.gml") else { return };
    let (_, kept) = read(&path, &Options::default()).unwrap();
    let meshes = contents(&kept);
    assert_eq!(meshes.len(), 3, "three images, each of one building");
    let images = path.parent().unwrap().join("52397519_bldg_6697_appearance");
    let mut found = 0;
    for mesh in meshes {
        let entity = kept.entity(&mesh.entity.id);
        let (document, binary) = glb(&mesh.bytes);
        assert_eq!((mesh.media_type.as_str(), document["images"].as_array().unwrap().len()), ("model/gltf-binary", 1));
        let view = &document["bufferViews"][document["images"][0]["bufferView"].as_u64().unwrap() as usize];
        let from = view["byteOffset"].as_u64().unwrap() as usize;
        let image = &binary[from..from + view["byteLength"].as_u64().unwrap() as usize];
        found += std::fs::read_dir(&images)
            .unwrap()
            .filter(|file| std::fs::read(file.as_ref().unwrap().path()).unwrap() == image)
            .count();
        let corners: u64 = document["accessors"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|a| a["type"] == "VEC3")
            .map(|a| a["count"].as_u64().unwrap())
            .sum();
        // A face without holes of n corners has n - 2 triangles.
        let expected: usize =
            faces(entity).iter().map(|face| 3 * (face.iter().map(Vec::len).sum::<usize>() + face.len() - 4)).sum();
        assert_eq!(corners as usize, expected, "{}", mesh.name);
        let (low, high) = entity.geometry.as_ref().unwrap().height_range_m().unwrap();
        let position = document["accessors"].as_array().unwrap().iter().filter(|a| a["type"] == "VEC3");
        let top = position.map(|a| a["max"][1].as_f64().unwrap()).fold(0.0, f64::max);
        assert!((top - (high - low)).abs() < 1e-3, "up is Y: {top} {low} {high}");
        assert_eq!(document["nodes"][0]["extras"]["height_reference"], "EPSG:6695");
    }
    assert_eq!(found, 3, "the images as they lie beside the file");
    let (_, again) = read(&path, &Options::default()).unwrap();
    assert_eq!(contents(&again), contents(&kept), "the same file makes the same bytes");
    let Some(station) = shared("city/citygml/citygml4j/lod3_building_v2.gml") else { return };
    let (summary, kept) = read(&station, &Options::default()).unwrap();
    let meshes = contents(&kept);
    assert_eq!((meshes.len(), summary.left_out["app:X3DMaterial"]), (2, 35));
    let (document, _) = glb(&meshes[0].bytes);
    let images = |document: &Value| document["images"].as_array().unwrap().len();
    assert_eq!((images(&document), images(&glb(&meshes[1].bytes).0)), (7, 1), "eight images, each once");
    assert!(document["samplers"].as_array().unwrap().iter().all(|s| s["wrapS"] == 10_497), "they repeat");
}

#[test]
fn images_are_taken_from_beside_the_file_only() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("model");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(folder.path().join("secret.jpg"), b"\xff\xd8\xffsecret").unwrap();
    std::fs::write(inside.join("wall.jpg"), b"\xff\xd8\xffwall").unwrap();
    std::fs::write(inside.join("text.jpg"), b"no image").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.jpg"), inside.join("link.jpg")).unwrap();
    let secret = folder.path().join("secret.jpg").display().to_string();
    for (uri, meshes) in [
        ("wall.jpg", 1),
        ("./wall.jpg", 1),
        ("../secret.jpg", 0),
        (&secret, 0),
        ("link.jpg", 0),
        ("text.jpg", 0),
        ("gone.jpg", 0),
        (".", 0),
    ] {
        let wall = triangle("w", 500_000).replace("<gml:LinearRing>", r#"<gml:LinearRing gml:id="r">"#);
        let house = format!(
            r##"<bldg:Building gml:id="b"><app:appearance xmlns:app="http://www.opengis.net/citygml/appearance/2.0"><app:Appearance><app:surfaceDataMember><app:ParameterizedTexture><app:imageURI>{uri}</app:imageURI><app:target uri="#w"><app:TexCoordList><app:textureCoordinates ring="#r">0 0 1 0 0 1 0 0</app:textureCoordinates></app:TexCoordList></app:target></app:ParameterizedTexture></app:surfaceDataMember></app:Appearance></app:appearance><bldg:lod2MultiSurface>{}</bldg:lod2MultiSurface></bldg:Building>"##,
            surfaces(&wall)
        );
        let file = inside.join("model.gml");
        std::fs::write(&file, model(&member(&house))).unwrap();
        let (summary, kept) = read(&file, &Options::default()).unwrap();
        assert_eq!(contents(&kept).len(), meshes, "{uri}");
        assert_eq!(summary.left_out.values().sum::<u64>(), 1 - meshes as u64, "{uri}: {:?}", summary.left_out);
    }
}
