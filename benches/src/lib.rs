//! Benchmarks: programs that write figures, ours and the peers'
