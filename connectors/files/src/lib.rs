//! City files to changes: CityJSON, OSM PBF, GeoJSON, CSV, LAS
