//! Pure rules: goroutine sites, wait classes, growth, incarnations and defers from decoded profiles.
