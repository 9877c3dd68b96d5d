//! Records that are not decided here.

/// Nested deeper than this, the server is asked: its stack sets the limit, which
/// is above this with every setting of max_stack_depth (100 kB is the least).
pub(super) const SURE_DEPTH: usize = 500;

/// Longer records are the server's to judge: jsonb has limits on the number of
/// elements and on the size of a container that shorter text cannot reach.
pub(super) const SURE_LENGTH: usize = 16 * 1024 * 1024;
