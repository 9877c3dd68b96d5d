//! Whether anything is under way that the end of a transaction would pull the ground
//! from: a query whose rows are being looked at, a snapshot in force, somebody else's
//! rights, a relation that is open. No transaction is ended within.

use std::cell::Cell;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs `body`; no transaction can be ended meanwhile.
pub(super) fn within_transaction<R>(body: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    let _leave = Leave;
    body()
}

/// Panics within what [`within_transaction`] runs: such a call is a mistake of ours.
pub(super) fn assert_transaction_may_end() {
    assert!(DEPTH.get() == 0, "a transaction ends while something relies on it");
}
