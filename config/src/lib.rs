//! One typed configuration: load, validate with all faults at once.
