use std::collections::{BTreeMap, BTreeSet};

use coding_system::Position;
use coding_system::geosot::Cell;
use proptest::prelude::*;

use super::place::hash_of;
use super::*;
use crate::keys::KeyRing;

/// A log of areas with one leaf, signed: the receipt that stands at the head of a proof, and the key to it.
fn signed(map: &mut AreaMap, log_size: u64) -> (String, KeyRing) {
    use base64::prelude::*;
    use signed_note::{Note, StandardSigner, new_ed25519_verifier_key};
    let secret = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let vkey = new_ed25519_verifier_key("city.example/log", &secret.verifying_key());
    let ring = KeyRing::parse(&vkey).unwrap();
    let origin = format!("city.example/log{AREA_LOG}");
    let id = signed_note::key_id(&origin, &[&[1], secret.verifying_key().as_bytes().as_slice()].concat());
    let text = BASE64_STANDARD.encode([&[1], secret.as_bytes().as_slice()].concat());
    let signer = StandardSigner::new(&format!("PRIVATE+KEY+{origin}+{id:08x}+{text}")).unwrap();
    let root = MapRoot {
        assets: map.asset_count(),
        entries: map.entry_count(),
        log_root: [1; 32],
        log_size,
        map_root: map.root(),
    };
    let leaf = root.encode();
    let checkpoint = tlog_tiles::Checkpoint::new(&origin, 1, tlog_tiles::record_hash(&leaf), "").unwrap();
    let mut note = Note::new(&checkpoint.to_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let checkpoint = String::from_utf8(note.to_bytes()).unwrap();
    let receipt = crate::Receipt { leaf, index: 0, proof: Vec::new(), checkpoint }.to_string();
    (receipt, ring)
}

fn cell(lon: f64, lat: f64, level: u8) -> MapCell {
    MapCell::of(&Cell::of(&Position::new_2d(lon, lat).unwrap(), level).unwrap())
}

/// What happened to an asset: where it is, or that it is gone, or that it was graded.
#[derive(Debug, Clone)]
enum Deed {
    At(Vec<(f64, f64, u8)>),
    Gone,
    Graded(Grade),
}

fn deeds() -> impl Strategy<Value = Vec<(u8, Deed)>> {
    let place = (115.9..116.1_f64, 39.9..40.1_f64, prop_oneof![Just(26_u8), 12_u8..=26, 0_u8..=32]);
    let deed = prop_oneof![
        4 => prop::collection::vec(place, 1..4).prop_map(Deed::At),
        1 => Just(Deed::Gone),
        1 => (0..Grade::ALL.len()).prop_map(|n| Deed::Graded(Grade::ALL[n])),
    ];
    prop::collection::vec((0..30_u8, deed), 0..50)
}

/// What the map has to say, kept naively: of each asset its cells now, its cells ever, its grade and newest leaf.
#[derive(Default)]
struct Naive(BTreeMap<String, (BTreeSet<MapCell>, BTreeSet<MapCell>, Grade, u64)>);

fn name(n: u8) -> String {
    if n.is_multiple_of(3) { format!("thing-{n}") } else { format!("0192f0c1-7b1e-7cc2-9a53-{n:012x}") }
}

fn leaf_hash(index: u64) -> [u8; 32] {
    hash_of(&index.to_string())
}

fn build(deeds: &[(u8, Deed)]) -> (AreaMap, Naive) {
    let (mut map, mut naive) = (AreaMap::default(), Naive::default());
    for (index, (n, deed)) in deeds.iter().enumerate() {
        let (asset, index) = (name(*n), index as u64);
        let cells: Option<Vec<MapCell>> = match deed {
            Deed::At(places) => Some(places.iter().map(|(lon, lat, level)| cell(*lon, *lat, *level)).collect()),
            Deed::Gone => Some(Vec::new()),
            Deed::Graded(_) => None,
        };
        let grade = if let Deed::Graded(grade) = deed { Some(*grade) } else { None };
        map.apply(&Revision { asset: &asset, index, leaf_hash: leaf_hash(index), cells: cells.as_deref(), grade });
        let is_new = !naive.0.contains_key(&asset);
        if is_new && cells.as_ref().is_none_or(Vec::is_empty) {
            continue;
        }
        let known = naive.0.entry(asset).or_default();
        if let Some(cells) = cells {
            known.1.extend(cells.iter().copied());
            known.0 = cells.into_iter().collect();
        }
        known.2 = grade.unwrap_or(known.2);
        known.3 = index;
    }
    (map, naive)
}

fn query() -> impl Strategy<Value = Query> {
    let asked = (115.9..116.1_f64, 39.9..40.1_f64, 0.0..0.1_f64, 0.0..0.1_f64)
        .prop_map(|(west, south, width, height)| Query::of_box([west, south, west + width, south + height]).unwrap());
    let cells = prop::collection::vec((115.9..116.1_f64, 39.9..40.1_f64, 8_u8..22), 1..4)
        .prop_map(|cells| Query::Cells(cells.into_iter().map(|(lon, lat, level)| cell(lon, lat, level)).collect()));
    prop_oneof![asked, cells]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The list is what a look at every asset gives, and counts are those of the first cells that lie so.
    #[test]
    fn a_proof_shows_what_a_naive_look_at_all_assets_shows(deeds in deeds(), query in query()) {
        let (mut map, naive) = build(&deeds);
        let (receipt, ring) = signed(&mut map, deeds.len() as u64);
        let shown = verify_area(&map.prove(&query, Shows::Assets, &receipt).unwrap(), &ring).unwrap();
        let counted = verify_area(&map.prove(&query, Shows::Count, &receipt).unwrap(), &ring).unwrap();
        let asked = query.prepared().unwrap();
        let meets = |cell: &MapCell| asked.relation(*cell).unwrap() != super::query::Relation::Outside;
        let mut listed = BTreeMap::new();
        let (mut inside, mut across) = (Counts::default(), Counts::default());
        for (asset, (now, ever, grade, index)) in &naive.0 {
            let here: BTreeSet<MapCell> = ever.iter().copied().filter(meets).collect();
            let said = now.iter().any(meets).then_some((*grade, *index));
            if !here.is_empty() {
                listed.insert(asset.clone(), (here, said));
            }
            match now.first().map(|home| asked.relation(*home).unwrap()) {
                Some(super::query::Relation::Inside) => inside = inside.plus(Counts::one(*grade)),
                Some(super::query::Relation::Across) => across = across.plus(Counts::one(*grade)),
                _ => {}
            }
        }
        prop_assert_eq!((shown.inside, shown.across), (inside, across));
        prop_assert_eq!((counted.inside, counted.across), (inside, across));
        prop_assert!(counted.assets.is_empty());
        let found: BTreeMap<_, _> = shown.assets.iter().map(|asset| {
            let cells: BTreeSet<MapCell> = asset.cells.iter().map(|cell| cell.cell).collect();
            let is_there = asset.cells.iter().any(|cell| cell.gone.is_none());
            (asset.asset.clone(), (cells, is_there.then_some((asset.grade, asset.index))))
        }).collect();
        prop_assert_eq!(found, listed);
        let present: BTreeSet<_> = shown.present().map(|asset| asset.asset.clone()).collect();
        let now: BTreeSet<_> = naive.0.iter().filter(|(_, known)| known.0.iter().any(meets)).map(|(asset, _)| asset.clone()).collect();
        prop_assert_eq!(present, now);
        prop_assert_eq!(shown.map.assets, naive.0.values().filter(|known| !known.0.is_empty()).count() as u64);
    }

    /// The order in which different assets came does not matter, nor does keeping the map and reading it again.
    #[test]
    fn same_leaves_same_root(deeds in deeds(), cut in any::<prop::sample::Index>()) {
        let (mut map, _) = build(&deeds);
        let root = map.root();
        // With roots asked for in between.
        let (mut again, _) = build(&deeds[..cut.index(deeds.len() + 1)]);
        let half = again.root();
        let (mut whole, _) = build(&deeds);
        prop_assert_eq!(whole.root(), root);
        let mut bytes = Vec::new();
        map.write_state(&mut bytes);
        let mut rest = bytes.as_slice();
        let mut read = AreaMap::read_state(&mut rest).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(read.root(), root);
        prop_assert_eq!(again.root(), half);
    }

    /// Any bit of a proof that is turned over is found, or changes nothing of what is proven.
    #[test]
    fn a_turned_bit_is_found(deeds in deeds(), query in query(), shows in prop_oneof![Just(Shows::Assets), Just(Shows::Count)], bits in prop::collection::vec(any::<prop::sample::Index>(), 12)) {
        let (mut map, _) = build(&deeds);
        let (receipt, ring) = signed(&mut map, deeds.len() as u64);
        let proof = map.prove(&query, shows, &receipt).unwrap();
        let right = verify_area(&proof, &ring).unwrap();
        for bit in bits {
            let mut turned = proof.clone();
            let bit = bit.index(turned.len() * 8);
            turned[bit / 8] ^= 1 << (bit % 8);
            if let Ok(proven) = verify_area(&turned, &ring) {
                // Another question may be answered by the same tree, rightly.
                prop_assert!(proven.query != right.query || proven.shows != right.shows || proven == right);
                let honest = verify_area(&map.prove(&proven.query, proven.shows, &receipt).unwrap(), &ring).unwrap();
                prop_assert_eq!(proven, honest);
            }
        }
    }

    /// Noise is refused, never a panic.
    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..300), deeds in deeds()) {
        let (mut map, _) = build(&deeds);
        let (receipt, ring) = signed(&mut map, 1);
        prop_assert!(verify_area(&noise, &ring).is_err());
        let query = Query::of_box([115.9, 39.9, 116.1, 40.1]).unwrap();
        let proof = map.prove(&query, Shows::Assets, &receipt).unwrap();
        let after_receipt = proof.len() - proof.len() / 3;
        let mixed = [&proof[..after_receipt], noise.as_slice()].concat();
        prop_assert!(mixed == proof || verify_area(&mixed, &ring).is_err());
    }
}

/// Ten things in a row, and the proof of all of them.
fn row(leave_out: Option<u64>) -> (AreaMap, String, KeyRing, Query) {
    let mut map = AreaMap::default();
    for n in (0..10).filter(|n| Some(*n) != leave_out) {
        let cells = [cell(116.0 + n as f64 / 1_000.0, 40.0, 26)];
        let asset = name(n as u8);
        map.apply(&Revision { asset: &asset, index: n, leaf_hash: leaf_hash(n), cells: Some(&cells), grade: None });
    }
    let (receipt, ring) = signed(&mut map, 10);
    (map, receipt, ring, Query::of_box([115.999, 39.999, 116.02, 40.01]).unwrap())
}

#[test]
fn what_a_liar_can_do_to_a_list_is_named() {
    let (mut map, receipt, ring, query) = row(None);
    assert_eq!(verify_area(&map.prove(&query, Shows::Assets, &receipt).unwrap(), &ring).unwrap().assets.len(), 10);
    // Left out as in a count: hidden.
    let mut hidden = map.prove(&query, Shows::Count, &receipt).unwrap();
    hidden[super::proof::MAGIC.len()] = 0;
    assert!(matches!(verify_area(&hidden, &ring), Err(AreaError::Hidden { .. })));
    // Left out as if it lay elsewhere: the proof of a small question under a large one.
    let small = Query::of_box([116.0035, 39.999, 116.02, 40.01]).unwrap();
    let mut moved = map.prove(&small, Shows::Assets, &receipt).unwrap();
    let at = super::proof::MAGIC.len() + 2;
    moved[at..at + 8].copy_from_slice(&115.999_f64.to_be_bytes());
    assert!(matches!(verify_area(&moved, &ring), Err(AreaError::Hidden { .. })));
    // Dropped before the tree was made: another root than the one that was signed.
    let (mut dropped, ..) = row(Some(4));
    let dropped = dropped.prove(&query, Shows::Assets, &receipt).unwrap();
    assert!(matches!(verify_area(&dropped, &ring), Err(AreaError::Altered { .. })));
    // Added.
    let cells = [cell(116.005, 40.0, 26)];
    map.apply(&Revision { asset: "forged", index: 10, leaf_hash: [9; 32], cells: Some(&cells), grade: None });
    let added = map.prove(&query, Shows::Assets, &receipt).unwrap();
    assert!(matches!(verify_area(&added, &ring), Err(AreaError::Altered { .. })));
}

#[test]
fn a_count_of_a_cell_is_small_and_names_nobody() {
    let mut map = AreaMap::default();
    for n in 0..20_000_u64 {
        let cells = [cell(116.0 + (n % 200) as f64 / 2_000.0, 40.0 + (n / 200) as f64 / 2_000.0, 26)];
        let grade = Some(Grade::ALL[(n % 7) as usize]);
        let asset = format!("0192f0c1-7b1e-7cc2-9a53-{n:012x}");
        map.apply(&Revision { asset: &asset, index: n, leaf_hash: leaf_hash(n), cells: Some(&cells), grade });
    }
    let (receipt, ring) = signed(&mut map, 20_000);
    let asked = Query::Cells(vec![cell(116.05, 40.02, 16)]);
    let proof = map.prove(&asked, Shows::Count, &receipt).unwrap();
    let counted = verify_area(&proof, &ring).unwrap();
    let listed = verify_area(&map.prove(&asked, Shows::Assets, &receipt).unwrap(), &ring).unwrap();
    assert_eq!(counted.inside.total(), listed.assets.len() as u64);
    assert!(counted.inside.total() > 100 && counted.inside.by_grade().count() == 7);
    assert!(proof.len() < 2_000, "{} bytes", proof.len());
}
