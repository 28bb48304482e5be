//! End-to-end, golden, crash and house-rule tests; the Go services they watch are under services/.
