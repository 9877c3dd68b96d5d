//! Whether anything is under way that needs the transaction to go on: a query whose rows are
//! being read, a snapshot in use, another role's rights, an open relation. No transaction is
//! ended while there is.

use std::cell::Cell;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs `body`; no transaction can be ended meanwhile.
pub(in crate::pg) fn within_transaction<R>(body: impl FnOnce() -> R) -> R {
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
pub(in crate::pg) fn assert_transaction_may_end() {
    assert!(DEPTH.get() == 0, "a transaction ends while something relies on it");
}
