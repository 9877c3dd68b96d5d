//! Seeded generator of damaged JSON files.
