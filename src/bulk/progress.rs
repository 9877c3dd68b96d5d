//! How far a call is, for those who watch: its row in `loader.progress`, and a NOTICE
//! now and then.

use super::board::{Board, Totals};
use super::report::Notices;
use super::wait_notices::WaitNotices;
use crate::pg::Oid;
use crate::pg::processes::progress::Report;

/// What the session shows of its call. While workers load, each shows its own file.
pub struct Progress {
    table: String,
    row: Report,
    notices: Notices,
    told: WaitNotices,
}

impl Progress {
    /// Of a call that begins: the table's name, and bytes of all files.
    pub fn new(table: String, target: Oid, bytes: u64) -> Self {
        Progress {
            table,
            row: Report::new(target, bytes),
            notices: Notices::new(),
            told: WaitNotices::default(),
        }
    }

    /// Name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Tells for whom the call waits, where that is news.
    pub fn tell_waiting(&mut self, board: &Board) {
        self.told.tell(board);
    }

    /// Shows what is committed.
    pub fn show(&mut self, totals: &Totals) {
        let row = Report {
            rows: totals.rows,
            rejects: totals.rejects,
            files_done: totals.files_done(),
            files_total: totals.files,
            ..self.row
        };
        row.show(totals.disk_done);
        self.notices.tell(totals, &self.table);
    }
}
