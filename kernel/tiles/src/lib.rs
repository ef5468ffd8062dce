//! Vector tiles and 3D Tiles from snapshots.
