//! Bytes to values: pprof profiles, the text forms of Go's debug pages.
