//! Every file of `../shared/data/city`: imported with these counts or refused with this reason. The counts are those of
//! DATA.md, of Python's `json` and of Python's ElementTree (faces of each object's highest level of detail).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use connectors_files::{Format, Options};
use kernel_model::{EntityDraft, Kind, Shape};

use crate::support::{Kept, one_line, read, shared, with_crs};

/// What a file gives: kinds with their numbers, faces, and how many elements are left out: an ADE's, materials, and textures of CityJSON.
type Counts = (&'static [(Kind, usize)], usize, u64);

const BERLIN: &str = "EPSG:3068+5783";
const RD: &str = "EPSG:28992";

#[rustfmt::skip]
const IMPORTED: &[(&str, Format, Option<&str>, Counts)] = &[
    ("citygml/citygml4j/lod2_buildings_v3.gml", Format::CityGml, None, (&[(Kind::Building, 100)], 700, 0)),
    ("citygml/citygml4j/lod2_test_ade_v2.gml", Format::CityGml, None, (&[(Kind::Building, 1)], 7, 5)),
    ("citygml/citygml4j/lod3_building_v2.gml", Format::CityGml, None,
        (&[(Kind::Building, 1), (Kind::BuildingPart, 1)], 3092, 35)),
    ("citygml/citygml4j/lod4_building_v2.gml", Format::CityGml, None,
        (&[(Kind::Building, 1), (Kind::BuildingPart, 1), (Kind::Terrain, 2), (Kind::Furniture, 1)], 1010, 0)),
    ("citygml/citygml4j/test_ade_objects_v3.gml", Format::CityGml, None, (&[(Kind::Building, 1)], 7, 2)),
    ("citygml/plateau-yokosuka/udx/bldg/52397519_bldg_6697_op.gml", Format::CityGml, None,
        (&[(Kind::Building, 13), (Kind::BuildingPart, 2)], 734, 0)),
    ("citygml/plateau-yokosuka/udx/dem/523965_dem_6697_05_op.gml", Format::CityGml, None,
        (&[(Kind::Terrain, 4)], 1066, 0)),
    ("cityjson/delft.city.json", Format::CityJson, None,
        (&[(Kind::Building, 160), (Kind::Road, 143), (Kind::Bridge, 3), (Kind::Water, 3), (Kind::Vegetation, 126),
            (Kind::Landuse, 81), (Kind::Other, 54)], 36271, 0)),
    ("cityjson/denhaag_01.city.json.gz", Format::CityJson, None,
        (&[(Kind::Building, 844), (Kind::BuildingPart, 1653), (Kind::Terrain, 1)], 21804, 5970)),
    ("cityjson/lod2_buildings.city.json", Format::CityJson, None, (&[(Kind::Building, 100)], 700, 0)),
    ("cityjson/small/composite_solid_with_material.city.json", Format::CityJson, Some(RD), (&[(Kind::Other, 1)], 12, 0)),
    ("cityjson/small/dummy.city.json", Format::CityJson, None, (&[(Kind::Building, 1), (Kind::Vegetation, 1)], 11, 6)),
    ("cityjson/small/mt-1.city.json", Format::CityJson, Some(RD), (&[(Kind::Building, 1), (Kind::BuildingPart, 1)], 6, 1)),
    ("cityjson/small/multi_lod.city.json", Format::CityJson, Some(RD), (&[(Kind::Building, 10)], 348, 0)),
    ("cityjsonseq/3dbag_5908_extension.city.jsonl.gz", Format::CityJsonSeq, None,
        (&[(Kind::Building, 99), (Kind::BuildingPart, 100)], 13002, 0)),
    ("cityjsonseq/lod2_buildings.city.jsonl", Format::CityJsonSeq, Some(BERLIN), (&[(Kind::Building, 100)], 700, 0)),
    ("cityjsonseq/vienna_102081.city.jsonl.gz", Format::CityJsonSeq, Some("EPSG:31256"),
        (&[(Kind::Building, 149), (Kind::BuildingPart, 443)], 9407, 0)),
];

/// Files whose every object is refused: the reasons, one after the other.
const REFUSED: &[(&str, &[&str])] = &[(
    "citygml/citygml4j/invalid_building_v3.gml",
    &[
        "its gml:id `1F3E679D-E226-4535-926C-7390977FB25A` is no XML id",
        "the status of its height is `unknown`",
        "pass --crs",
    ],
)];

fn faces(kept: &Kept) -> usize {
    kept.entities().filter_map(|e| e.geometry.as_ref()).map(face_count).sum()
}

fn face_count(geometry: &kernel_model::Geometry) -> usize {
    if let Shape::MultiPolygon(polygons) = &geometry.shape { polygons.len() } else { 0 }
}

#[test]
fn every_file_is_imported_or_refused_as_it_should_be() {
    for (file, format, crs, (kinds, faces_of, left_out)) in IMPORTED {
        let Some(path) = shared(&format!("city/{file}")) else { return };
        if crs.is_some() {
            let error = read(&path, &Options::default()).unwrap_err();
            assert!(one_line(&error).contains("states no coordinate reference system; pass --crs"), "{file}: {error}");
        }
        let options = crs.map_or_else(Options::default, with_crs);
        let (summary, kept) = read(&path, &options).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(summary.format, *format, "{file}");
        assert_eq!(kept.reasons(), Vec::<&str>::new(), "{file}");
        assert_eq!(kept.kinds(), kinds.iter().copied().collect::<BTreeMap<_, _>>(), "{file}");
        assert_eq!(summary.records_read, kept.entities().count() as u64, "{file}");
        assert_eq!(faces(&kept), *faces_of, "{file}");
        assert_eq!(summary.left_out.values().sum::<u64>(), *left_out, "{file}: {:?}", summary.left_out);
    }
    for (file, reasons) in REFUSED {
        let Some(path) = shared(&format!("city/{file}")) else { return };
        let (summary, kept) = read(&path, &Options::default()).unwrap();
        assert_eq!((summary.records_read, summary.records_refused, kept.changes.len()), (1, 1, 0), "{file}");
        for reason in *reasons {
            assert!(kept.refused[0].reason.contains(reason), "{file}: {}", kept.refused[0].reason);
        }
        let (_, kept) = read(&path, &with_crs("EPSG:25832")).unwrap();
        assert_eq!(kept.refused.len(), 1, "{file}: the system alone does not mend it");
    }
}

#[test]
fn no_file_is_forgotten() {
    let Some(root) = shared("city") else { return };
    let mut found = Vec::new();
    walk(&root, &mut found);
    let known: Vec<&str> = IMPORTED.iter().map(|row| row.0).chain(REFUSED.iter().map(|row| row.0)).collect();
    for path in found {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let beside = [".jpg", ".png", ".txt"].iter().any(|ending| name.ends_with(ending));
        assert!(beside || known.contains(&name.as_str()), "{name} is in no table");
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// What must be equal of one building in three files; the rest of what they say differs (3.0 has more of a height).
fn essence(entity: &EntityDraft) -> impl PartialEq + std::fmt::Debug + use<'_> {
    let text = |key: &str| entity.properties.get(key).map(ToString::to_string);
    let told =
        ["lod", "surfaces", "city_object_type", "height_m", "storeys", "roof", "dateOfConstruction", "measuredHeight"];
    (
        (&entity.source.id, entity.kind, &entity.class, &entity.name, &entity.parent, &entity.height_reference),
        &entity.geometry,
        told.map(text),
    )
}

#[test]
fn the_same_buildings_from_three_files_are_the_same_things() {
    let options = Options { dataset: Some("same".to_owned()), ..with_crs(BERLIN) };
    let files = [
        "citygml/citygml4j/lod2_buildings_v3.gml",
        "cityjson/lod2_buildings.city.json",
        "cityjsonseq/lod2_buildings.city.jsonl",
    ];
    let mut all = Vec::new();
    for file in files {
        let Some(path) = shared(&format!("city/{file}")) else { return };
        all.push(read(&path, &options).unwrap().1);
    }
    let [gml, json, sequence] = &all[..] else { panic!("three") };
    assert_eq!(gml.entities().count(), 100);
    for building in gml.entities() {
        let id = &*building.source.id;
        assert!(building.properties["storeys"].is_u64() && building.geometry.is_some());
        assert_eq!(essence(building), essence(json.entity(id)), "{id}");
        assert_eq!(essence(building), essence(sequence.entity(id)), "{id}");
        let geometry = |kept: &Kept| kept.entity(id).geometry.as_ref().unwrap().to_wkb();
        assert_eq!(geometry(gml), geometry(json), "to the bit");
    }
}
