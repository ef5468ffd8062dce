//! The tamper-evident log of assets: leaves, checkpoints, receipts and their offline verification
