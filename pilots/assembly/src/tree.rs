//! A tree of boxes over the triangles of a mesh, built once; the boxes alone are made anew where the corners moved a
//! little. Leaves hold up to four triangles; nodes lie in one vector, the left child next to its parent.

use glam::{DAffine3, DVec3};

use crate::triangle::Triangle;

/// Triangles in a leaf at most.
const LEAF: usize = 4;

/// A box that is parallel to the axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aabb {
    /// Lower corner.
    pub lo: DVec3,
    /// Upper corner.
    pub hi: DVec3,
}

impl Aabb {
    /// The box of nothing.
    pub const EMPTY: Self = Self { lo: DVec3::INFINITY, hi: DVec3::NEG_INFINITY };

    /// The box around points.
    pub fn around(points: impl IntoIterator<Item = DVec3>) -> Self {
        points.into_iter().fold(Self::EMPTY, |all, at| Self { lo: all.lo.min(at), hi: all.hi.max(at) })
    }

    /// The box around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// Wider by so much on every side.
    #[must_use]
    pub fn grown(self, by: f64) -> Self {
        Self { lo: self.lo - by, hi: self.hi + by }
    }

    /// The middle.
    pub fn centre(self) -> DVec3 {
        (self.lo + self.hi) * 0.5
    }

    /// From the middle to a corner.
    pub fn half(self) -> DVec3 {
        (self.hi - self.lo) * 0.5
    }

    /// The box around this one after a motion.
    #[must_use]
    pub fn moved(self, motion: &DAffine3) -> Self {
        let centre = motion.transform_point3(self.centre());
        let (half, m) = (self.half(), motion.matrix3);
        let reach = m.x_axis.abs() * half.x + m.y_axis.abs() * half.y + m.z_axis.abs() * half.z;
        Self { lo: centre - reach, hi: centre + reach }
    }

    /// Square of the distance of two boxes, zero where they meet.
    pub fn distance_squared(self, other: Self) -> f64 {
        (self.lo - other.hi).max(other.lo - self.hi).max(DVec3::ZERO).length_squared()
    }

    /// Whether this box meets another while it moves by `travel`.
    pub(crate) fn meets_moving(self, travel: DVec3, other: Self) -> bool {
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for axis in 0..3 {
            let (low, high) = (other.lo[axis] - self.hi[axis], other.hi[axis] - self.lo[axis]);
            if travel[axis] == 0.0 {
                if low > 0.0 || high < 0.0 {
                    return false;
                }
                continue;
            }
            let (one, two) = (low / travel[axis], high / travel[axis]);
            enter = enter.max(one.min(two));
            leave = leave.min(one.max(two));
        }
        enter <= leave
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) bounds: Aabb,
    /// Of a leaf its first triangle, else the right child.
    first: u32,
    /// Of a leaf its triangles, else 0.
    count: u32,
}

/// What is below a node.
pub(crate) enum Below {
    Children(usize, usize),
    Triangles(std::ops::Range<usize>),
}

/// The tree; of nothing it has no nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

impl Tree {
    /// Builds it and puts the triangles into its order.
    pub(crate) fn build(points: &[DVec3], triangles: &mut [[u32; 3]]) -> Self {
        let mut tree = Self { nodes: Vec::with_capacity(triangles.len()) };
        let middle = |t: &[u32; 3]| t.iter().map(|at| points[*at as usize]).sum::<DVec3>();
        let mut keyed: Vec<(DVec3, [u32; 3])> = triangles.iter().map(|t| (middle(t), *t)).collect();
        if !keyed.is_empty() {
            tree.grow(points, &mut keyed, 0);
        }
        triangles.iter_mut().zip(keyed).for_each(|(place, (_, t))| *place = t);
        tree
    }

    fn grow(&mut self, points: &[DVec3], triangles: &mut [(DVec3, [u32; 3])], first: usize) -> usize {
        let number = self.nodes.len();
        let count = triangles.len();
        if count <= LEAF {
            let bounds = Aabb::around(triangles.iter().flat_map(|(_, t)| t).map(|at| points[*at as usize]));
            self.nodes.push(Node { bounds, first: first as u32, count: count as u32 });
            return number;
        }
        self.nodes.push(Node { bounds: Aabb::EMPTY, first: 0, count: 0 });
        let spread = Aabb::around(triangles.iter().map(|(middle, _)| *middle)).half();
        let axis = (0..3).fold(0, |best, axis| if spread[axis] > spread[best] { axis } else { best });
        let half = count / 2;
        triangles.select_nth_unstable_by(half, |a, b| a.0[axis].total_cmp(&b.0[axis]));
        let (left, right) = triangles.split_at_mut(half);
        let left = self.grow(points, left, first);
        let right = self.grow(points, right, first + half);
        let bounds = self.nodes[left].bounds.union(self.nodes[right].bounds);
        self.nodes[number] = Node { bounds, first: right as u32, count: 0 };
        number
    }

    /// The same tree over corners that moved.
    pub(crate) fn refitted(&self, points: &[DVec3], triangles: &[[u32; 3]]) -> Self {
        let mut nodes = self.nodes.clone();
        for number in (0..nodes.len()).rev() {
            nodes[number].bounds = match self.below(number) {
                Below::Children(left, right) => nodes[left].bounds.union(nodes[right].bounds),
                Below::Triangles(range) => {
                    Aabb::around(triangles[range].iter().flatten().map(|at| points[*at as usize]))
                }
            };
        }
        Self { nodes }
    }

    pub(crate) fn below(&self, number: usize) -> Below {
        let node = &self.nodes[number];
        match node.count as usize {
            0 => Below::Children(number + 1, node.first as usize),
            count => Below::Triangles(node.first as usize..node.first as usize + count),
        }
    }

    pub(crate) fn bounds(&self) -> Aabb {
        self.nodes.first().map_or(Aabb::EMPTY, |node| node.bounds)
    }
}

/// The box around a triangle.
pub(crate) fn around(t: &Triangle) -> Aabb {
    Aabb { lo: t[0].min(t[1]).min(t[2]), hi: t[0].max(t[1]).max(t[2]) }
}
