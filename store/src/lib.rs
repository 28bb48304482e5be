//! The time-series store: WAL, head, sealed blocks and day partitions on sled.
