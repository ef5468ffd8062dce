//! The descent every cover is made by: a tree of cells and a target come in, the cells that meet the target go out, inner or not. Level
//! after level, coarsest first and within a level in the order of the tree, a cell that meets the target without lying in it is replaced by
//! its children as long as the limit allows; what is left over is outer. Each cell carries only the pieces of the target (edges,
//! segments) that touch it, so the work is proportional to the border and not to border times cells.

use super::fixed::Rect;

/// How a cell lies to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// No position of the cell is in the target.
    Apart,
    /// Some may be.
    Meets,
    /// Every position of the cell is.
    Inside,
}

/// A part of a target that touches a cell, in whatever numbering the target has.
pub(crate) type Piece = u32;

/// What is covered.
pub(crate) trait Target {
    /// The pieces that touch the whole Earth.
    fn pieces(&self, out: &mut Vec<Piece>);

    /// How `cell` lies to the target, given the pieces that touch `parent`, which holds it; those that touch `cell` are appended to `out` (and
    /// matter only when it [`Relation::Meets`]).
    fn relate(&self, parent: &Rect, pieces: &[Piece], cell: &Rect, out: &mut Vec<Piece>) -> Relation;
}

/// The cells of one scheme, from coarse to fine.
pub(crate) trait Tree {
    /// One cell.
    type Cell: Copy;

    /// The coarsest cells with their extents.
    fn roots(&self, out: &mut Vec<(Self::Cell, Rect)>);

    /// The real cells one level finer inside a cell.
    fn children(&self, cell: &Self::Cell, out: &mut Vec<(Self::Cell, Rect)>);

    /// A cell's level.
    fn level(&self, cell: &Self::Cell) -> u8;
}

/// A cell that is still open, and where its pieces lie.
struct Node<C> {
    cell: C,
    rect: Rect,
    pieces: std::ops::Range<usize>,
}

/// The nodes of one level and their pieces, one after another.
struct Level<C> {
    nodes: Vec<Node<C>>,
    pieces: Vec<Piece>,
}

impl<C> Level<C> {
    const fn new() -> Self {
        Self { nodes: Vec::new(), pieces: Vec::new() }
    }
}

/// The cells that meet the target, each with its inner flag: at most `max_cells` (or the roots that meet it, if those are more), none finer
/// than `finest_level`.
pub(crate) fn descend<T: Tree>(
    tree: &T,
    target: &impl Target,
    max_cells: usize,
    finest_level: u8,
) -> Vec<(T::Cell, bool)> {
    let mut done = Vec::new();
    let mut open = Level::new();
    let mut cells = Vec::new();
    tree.roots(&mut cells);
    let mut world = Vec::new();
    target.pieces(&mut world);
    open_cells(target, &Rect::WORLD, &world, &cells, &mut open, &mut done);
    while !open.nodes.is_empty() {
        let mut next = Level::new();
        let mut left = open.nodes.len();
        for node in &open.nodes {
            left -= 1;
            if tree.level(&node.cell) >= finest_level {
                done.push((node.cell, false));
                continue;
            }
            cells.clear();
            tree.children(&node.cell, &mut cells);
            let before = (next.nodes.len(), next.pieces.len(), done.len());
            open_cells(target, &node.rect, &open.pieces[node.pieces.clone()], &cells, &mut next, &mut done);
            if done.len() + left + next.nodes.len() > max_cells {
                next.nodes.truncate(before.0);
                next.pieces.truncate(before.1);
                done.truncate(before.2);
                done.push((node.cell, false));
            }
        }
        open = next;
    }
    done
}

/// Sorts the children of one cell into those that are done, those that stay open, and those that are forgotten.
fn open_cells<C: Copy>(
    target: &impl Target,
    parent: &Rect,
    pieces: &[Piece],
    cells: &[(C, Rect)],
    next: &mut Level<C>,
    done: &mut Vec<(C, bool)>,
) {
    for &(cell, rect) in cells {
        let from = next.pieces.len();
        match target.relate(parent, pieces, &rect, &mut next.pieces) {
            Relation::Meets => next.nodes.push(Node { cell, rect, pieces: from..next.pieces.len() }),
            Relation::Inside => {
                next.pieces.truncate(from);
                done.push((cell, true));
            }
            Relation::Apart => next.pieces.truncate(from),
        }
    }
}
