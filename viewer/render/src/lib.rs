//! A small wgpu renderer: meshes, instances, points, lines, sky, picking. Knows no city
