//! Which things came of which: `ancestors(id)` and `descendants(id)`, each thing once with the fewest steps to it and the
//! link by which it is reached; `lineage(id)`, the links among all of them. The id comes in as text; a thing of which nothing
//! came, or that is not known, gives no rows. Only links that the snapshot knows are followed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryBuilder, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::{concat_batches, take, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use kernel_model::schema::Table;
use kernel_model::{EntityId, TimeUs};
use kernel_store::Snapshot;

use crate::as_of::instant;
use crate::table::SnapshotTable;

/// Columns of the table `lineage`.
const PREDECESSOR: usize = 0;
const SUCCESSOR: usize = 1;
const KIND: usize = 2;
const VALID_TIME: usize = 3;

/// Makes the functions of a snapshot known to a question.
pub(crate) fn register(state: &mut SessionState, snapshot: &Snapshot) {
    for way in [Way::Back, Way::Onward, Way::Both] {
        state.register_udtf(way.name(), Arc::new(Walk { way, snapshot: snapshot.clone() }));
    }
}

/// Where links are followed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    Onward,
    Both,
}

impl Way {
    /// The name in SQL.
    const fn name(self) -> &'static str {
        match self {
            Self::Back => "ancestors",
            Self::Onward => "descendants",
            Self::Both => "lineage",
        }
    }
}

/// One of the functions over one snapshot.
#[derive(Debug)]
struct Walk {
    way: Way,
    snapshot: Snapshot,
}

impl TableFunctionImpl for Walk {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let name = self.way.name();
        let (id, recorded) = match args.exprs() {
            [id] => (thing(name, id)?, None),
            [id, recorded] => (thing(name, id)?, instant(name, recorded)?),
            other => return plan_err!("{name} takes an id and perhaps a recorded time, not {} arguments", other.len()),
        };
        let snapshot = recorded.map_or_else(|| self.snapshot.clone(), |recorded| self.snapshot.known_at(recorded));
        let links = known_links(&snapshot)?;
        let rows = match self.way {
            Way::Both => {
                let both = [Way::Back, Way::Onward].map(|way| walk(&links, way, &id));
                let all: HashSet<usize> = both.into_iter().flat_map(|walked| walked.links).collect();
                let mut all: Vec<u64> = all.into_iter().map(|row| row as u64).collect();
                all.sort_unstable();
                take_record_batch(&links, &UInt64Array::from(all))?
            }
            way => reached(&links, &walk(&links, way, &id))?,
        };
        Ok(Arc::new(SnapshotTable::new(rows.schema(), vec![rows], Vec::new())))
    }
}

/// The id that is written in the question.
fn thing(name: &str, expr: &Expr) -> Result<EntityId> {
    let text = match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    };
    match text.map(str::parse::<EntityId>) {
        Some(Ok(id)) => Ok(id),
        Some(Err(error)) => plan_err!("{name}: {error}"),
        None => plan_err!("{name} takes an id such as '0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10', not {expr}"),
    }
}

/// All links that the snapshot knows.
fn known_links(snapshot: &Snapshot) -> Result<RecordBatch> {
    let links = concat_batches(&Table::Lineage.schema(), &snapshot.batches(Table::Lineage))?;
    let Some(TimeUs(until)) = snapshot.known_until() else { return Ok(links) };
    let recorded = links.column(Table::Lineage.recorded_column()).as_primitive::<TimestampMicrosecondType>();
    Ok(links.slice(0, recorded.values().partition_point(|recorded| *recorded <= until)))
}

/// What was reached from a thing.
struct Walked {
    /// Thing, steps, and the row of the link by which it was reached first.
    things: Vec<(EntityId, u32, usize)>,
    /// Rows of all links on the ways.
    links: Vec<usize>,
}

/// Follows the links from a thing, nearest first.
fn walk(links: &RecordBatch, way: Way, start: &EntityId) -> Walked {
    let (from, to) = if way == Way::Back { (SUCCESSOR, PREDECESSOR) } else { (PREDECESSOR, SUCCESSOR) };
    let [from, to] = [from, to].map(|column| links.column(column).as_fixed_size_binary());
    let mut by_from: HashMap<&[u8], Vec<usize>> = HashMap::new();
    (0..links.num_rows()).for_each(|row| by_from.entry(from.value(row)).or_default().push(row));
    let (mut seen, mut walked) = (HashSet::from([*start]), Walked { things: Vec::new(), links: Vec::new() });
    let mut next = VecDeque::from([(*start, 0)]);
    while let Some((id, steps)) = next.pop_front() {
        for row in by_from.get(id.bytes().as_slice()).into_iter().flatten() {
            walked.links.push(*row);
            if let Some(other) = EntityId::from_slice(to.value(*row)).filter(|other| seen.insert(*other)) {
                walked.things.push((other, steps + 1, *row));
                next.push_back((other, steps + 1));
            }
        }
    }
    walked
}

/// `id`, `steps`, and of the link `kind` and `valid_time`.
fn reached(links: &RecordBatch, walked: &Walked) -> Result<RecordBatch> {
    let mut ids = FixedSizeBinaryBuilder::with_capacity(walked.things.len(), 16);
    for (id, ..) in &walked.things {
        ids.append_value(id.bytes())?;
    }
    let by = UInt64Array::from_iter_values(walked.things.iter().map(|(.., row)| *row as u64));
    let of_link = |column: usize| take(links.column(column), &by, None);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids.finish()),
        Arc::new(UInt32Array::from_iter_values(walked.things.iter().map(|(_, steps, _)| *steps))),
        of_link(KIND)?,
        of_link(VALID_TIME)?,
    ];
    let stored = links.schema();
    let schema = Schema::new(vec![
        stored.field(PREDECESSOR).clone().with_name("id"),
        Field::new("steps", DataType::UInt32, false),
        stored.field(KIND).clone(),
        stored.field(VALID_TIME).clone(),
    ]);
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}
