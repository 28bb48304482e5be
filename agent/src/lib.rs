//! What lingers in your Go services: goroutines that grow, defers that pile up.
