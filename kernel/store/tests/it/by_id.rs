//! Things in the order of their ids, from any id on, are those of a sort over all rows, whatever batches they came in.

use arrow::array::AsArray;
use kernel_model::{EntityId, TimeUs};
use proptest::prelude::*;

use crate::support::{open, thing};

/// Ids behind one, in the order of the walk, with whether each row is the present one.
fn walked(snapshot: &kernel_store::Snapshot, after: Option<&EntityId>) -> Vec<(Vec<u8>, bool)> {
    let rows = snapshot.entities_by_id(after);
    rows.map(|(batch, row)| {
        let (rows, marks) = &snapshot.entities()[batch];
        (rows.column(0).as_fixed_size_binary().value(row).to_vec(), marks.value(row))
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_walk_from_any_id_is_a_sorted_scan(
        commits in prop::collection::vec(prop::collection::vec((0_u32..40, 0_u32..3), 1..30), 1..14),
        seal_rows in prop_oneof![Just(10_usize), Just(1_000)],
        begin in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path(), seal_rows);
        let mut instants = Vec::new();
        for commit in &commits {
            let changes = commit.iter().map(|(id, class)| thing(&id.to_string(), &class.to_string())).collect();
            store.commit(&[changes]).unwrap();
            instants.push(TimeUs::now());
        }
        let now = store.reader().snapshot();
        for snapshot in [now.known_at(instants[instants.len() / 2]), now] {
            let scan = |(rows, marks): &(arrow::array::RecordBatch, arrow::array::BooleanArray)| {
                let ids = rows.column(0).as_fixed_size_binary().clone();
                let marks = marks.clone();
                (0..rows.num_rows()).map(move |row| (ids.value(row).to_vec(), marks.value(row))).collect::<Vec<_>>()
            };
            let mut all: Vec<_> = snapshot.entities().iter().flat_map(scan).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            let found = walked(&snapshot, None);
            prop_assert!(found.is_sorted_by_key(|(id, _)| id.clone()));
            let present = |rows: &[(Vec<u8>, bool)]| rows.iter().filter(|(_, mark)| *mark).map(|(id, _)| id.clone()).collect::<Vec<_>>();
            prop_assert_eq!(found.len(), all.len());
            prop_assert_eq!(present(&found), present(&all));
            let after = EntityId::from_slice(&all[begin.index(all.len())].0).unwrap();
            all.retain(|(id, _)| id.as_slice() > after.bytes().as_slice());
            prop_assert_eq!(present(&walked(&snapshot, Some(&after))), present(&all));
        }
    }
}
