//! Every byte on disk: log, memtables, Parquet segments, manifest, snapshots
