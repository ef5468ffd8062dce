//! An assembly: its parts, each a body at a place. Lengths are millimetres, the axes are those of the file (glTF: y up).

use std::sync::Arc;

use glam::{DAffine3, DVec3};

use crate::error::Error;
use crate::mesh::Mesh;
use crate::tree::Aabb;
use crate::unit::Unit;

/// One part: a node of the file that has a mesh.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its id in the assembly: the file's name of it, with `#2`, `#3` where several have the same.
    pub id: String,
    /// The file's name: of the node, else of its mesh, else the node's number.
    pub name: String,
    /// Names of the nodes above it, the outermost first.
    pub path: Vec<String>,
    /// Its body, shared by parts that are the same.
    pub mesh: Arc<Mesh>,
    /// Which body it is: parts with one number have the same shape.
    pub body: usize,
    /// Where it is: a rotation and a shift from the body's frame to the assembly's.
    pub pose: DAffine3,
    /// Base colour of its largest surface in the file, sRGB.
    pub colour: [u8; 3],
}

impl Part {
    /// A box around it in the assembly: that around its own box, so not the smallest.
    pub fn bounds(&self) -> Aabb {
        self.mesh.bounds().moved(&self.pose)
    }

    /// Its corners in the assembly.
    pub fn points(&self) -> impl Iterator<Item = DVec3> + '_ {
        self.mesh.points.iter().map(|at| self.pose.transform_point3(*at))
    }
}

/// Parts in one frame.
#[derive(Debug, Clone)]
pub struct Assembly {
    /// The file's name without folders.
    pub name: String,
    /// What the file's numbers were said to be.
    pub unit: Unit,
    /// In the order of the file's node tree.
    pub parts: Vec<Part>,
}

impl Assembly {
    /// The smallest box around everything.
    pub fn bounds(&self) -> Aabb {
        Aabb::around(self.parts.iter().flat_map(Part::points))
    }

    /// The number of a part by its id.
    ///
    /// # Errors
    /// [`Error::Part`].
    pub fn find(&self, id: &str) -> Result<usize, Error> {
        self.parts.iter().position(|part| part.id == id).ok_or_else(|| Error::Part(id.to_owned()))
    }

    /// All triangles of all parts.
    pub fn triangle_count(&self) -> usize {
        self.parts.iter().map(|part| part.mesh.len()).sum()
    }
}
