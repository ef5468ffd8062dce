//! Distances told by brute force and by another way than the crate's: every pair of triangles, each pair's distance as the least
//! of a convex function of where one is on both, found by enumerating which corners carry the nearest points.

use glam::DVec3;

use pilots_assembly::{Part, Triangle};

/// The distance of two parts: over all pairs of triangles.
pub(crate) fn distance(a: &Part, b: &Part) -> f64 {
    let placed = |part: &Part| -> Vec<Triangle> {
        (0..part.mesh.len()).map(|i| part.mesh.triangle(i).map(|at| part.pose.transform_point3(at))).collect()
    };
    let (a, b) = (placed(a), placed(b));
    let mut best = f64::INFINITY;
    for one in &a {
        for two in &b {
            // Balls around the triangles are far from being a tree, and pass over what cannot be nearer.
            let (c, r) = ball(one);
            let (d, s) = ball(two);
            if c.distance(d) - r - s < best {
                best = best.min(triangles(one, two));
            }
        }
    }
    best
}

fn ball(t: &Triangle) -> (DVec3, f64) {
    let middle = (t[0] + t[1] + t[2]) / 3.0;
    (middle, t.iter().map(|at| at.distance(middle)).fold(0.0, f64::max))
}

/// The least length in the convex hull of the nine differences of corners (the Minkowski difference of two triangles is
/// that hull): over all simplices of up to four of them the foot of the perpendicular, where it lies inside, and nought
/// where a simplex holds the origin.
pub(crate) fn triangles(a: &Triangle, b: &Triangle) -> f64 {
    let points: Vec<DVec3> = a.iter().flat_map(|p| b.iter().map(move |q| *p - *q)).collect();
    let mut best = points.iter().map(|p| p.length()).fold(f64::INFINITY, f64::min);
    for i in 0..9 {
        for j in i + 1..9 {
            best = best.min(segment(points[i], points[j]));
            for k in j + 1..9 {
                best = best.min(face(points[i], points[j], points[k]));
                for l in k + 1..9 {
                    if holds_origin([points[i], points[j], points[k], points[l]]) {
                        return 0.0;
                    }
                }
            }
        }
    }
    best
}

fn segment(p: DVec3, q: DVec3) -> f64 {
    let along = q - p;
    let share = (-p.dot(along) / along.length_squared()).clamp(0.0, 1.0);
    if share.is_nan() { p.length() } else { (p + along * share).length() }
}

fn face(p: DVec3, q: DVec3, r: DVec3) -> f64 {
    let normal = (q - p).cross(r - p);
    let squared = normal.length_squared();
    if squared == 0.0 {
        return f64::INFINITY;
    }
    let foot = normal * (p.dot(normal) / squared);
    let inside = |from: DVec3, to: DVec3| normal.dot((to - from).cross(foot - from)) >= 0.0;
    if inside(p, q) && inside(q, r) && inside(r, p) { foot.length() } else { f64::INFINITY }
}

fn holds_origin([p, q, r, s]: [DVec3; 4]) -> bool {
    let volume = |a: DVec3, b: DVec3, c: DVec3| a.dot(b.cross(c));
    let signs = [volume(q, r, s), -volume(p, r, s), volume(p, q, s), -volume(p, q, r)];
    signs.iter().all(|v| *v > 0.0) || signs.iter().all(|v| *v < 0.0)
}
