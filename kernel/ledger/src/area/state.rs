//! The map as bytes, and back: assets with their cells and the entries of those that are gone from somewhere. Hashes are not
//! among them; they are made anew, and the root says whether all is there.
//!
//! ```text
//! assets   a number, then of each: text, leaf index, leaf hash, grade, a number of cells, cells
//! gone     a number, then of each: number of the asset, cell, leaf index, leaf hash
//! ```
//! Numbers are LEB128; a cell is its level and the bytes of its code that the level needs.

use super::bytes::{Bytes, write_number, write_text};
use super::counts::Grade;
use super::map::{AreaMap, Revision};
use super::place::MapCell;
use super::proof::code_bytes;

impl AreaMap {
    /// Writes the map.
    pub(crate) fn write_state(&self, out: &mut Vec<u8>) {
        write_number(out, self.assets.len() as u64);
        for asset in &self.assets {
            write_text(out, &asset.id);
            write_number(out, asset.index);
            out.extend_from_slice(&asset.leaf_hash);
            out.push(asset.grade as u8);
            write_number(out, asset.cells.len() as u64);
            asset.cells.iter().for_each(|cell| write_cell(out, *cell));
        }
        let gone = || self.leaves.iter().filter_map(|leaf| Some((leaf, leaf.gone.as_ref()?)));
        write_number(out, gone().count() as u64);
        for (leaf, gone) in gone() {
            write_number(out, leaf.asset.into());
            write_cell(out, leaf.cell);
            write_number(out, gone.0);
            out.extend_from_slice(&gone.1);
        }
    }

    /// Reads a map; nothing where the bytes are none.
    pub(crate) fn read_state(bytes: &mut &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let mut map = Self::default();
        for _ in 0..rest.number()? {
            let asset = rest.text()?;
            let (index, leaf_hash) = (rest.number()?, rest.hash()?);
            let grade = Grade::of_number(rest.byte()?)?;
            let cells = (0..rest.number()?).map(|_| read_cell(&mut rest)).collect::<Option<Vec<_>>>()?;
            map.restore(&Revision { asset, index, leaf_hash, cells: Some(&cells), grade: Some(grade) });
        }
        for _ in 0..rest.number()? {
            let asset = u32::try_from(rest.number()?).ok().filter(|asset| (*asset as usize) < map.assets.len())?;
            let cell = read_cell(&mut rest)?;
            map.restore_gone(asset, cell, rest.number()?, rest.hash()?);
        }
        *bytes = rest.0;
        Some(map)
    }
}

fn write_cell(out: &mut Vec<u8>, cell: MapCell) {
    out.push(cell.level());
    out.extend_from_slice(&cell.code().to_be_bytes()[..code_bytes(cell.level())]);
}

fn read_cell(bytes: &mut Bytes<'_>) -> Option<MapCell> {
    let level = bytes.byte().filter(|level| *level <= 32)?;
    let mut code = [0; 8];
    code[..code_bytes(level)].copy_from_slice(bytes.take(code_bytes(level))?);
    MapCell::checked(u64::from_be_bytes(code), level)
}
