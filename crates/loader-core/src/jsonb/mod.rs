//! One record → its jsonb bytes, as `jsonb_in` would store them.
