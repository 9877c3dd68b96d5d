//! Why loads that are over cannot be undone, or their rejects not mended and retried.

use super::Error;
use super::messages::Message;
use crate::pg::strings::message::count;
use pgrx::PgSqlErrorCode as Code;

/// Why they cannot. Names are ready to be shown.
#[derive(Debug)]
pub enum AmendError {
    /// No load of that number, or none that is the caller's to amend.
    NoLoad(i64),
    /// Another session is at work on the load.
    LoadUnderWay(i64),
    /// The load was undone.
    Undone(i64),
    /// A load has updated rows, whose earlier values are gone.
    HasUpdated { load_id: i64, rows: u64 },
    /// A load has more or fewer rows in its table than it brought.
    RowsDiffer { load_id: i64, brought: u64, there: u64 },
    /// The table does not say which load brought a row.
    NoLineage { table: String },
    /// A load that builds on the one to be undone is another role's.
    FollowedByOthers { load_id: i64, follower: i64 },
    /// A load that builds on the one to be undone is not seen by the transaction.
    FollowedConcurrently(i64),
    /// What a file brought earlier is to be undone, and is not the caller's to undo.
    ReplacesOthers(i64),
    /// The table that the load went into is gone.
    TargetGone { table: String, load_id: i64 },
    /// The load has no such reject.
    NoReject { load_id: i64, byte_offset: i64 },
    /// What is to mend rejects is something else than one expression.
    NotAnExpression,
    /// The reject was loaded by a retry.
    Resolved { load_id: i64, byte_offset: i64, retry: i64 },
    /// The load is a retry, whose rejects are those of the original.
    IsRetry { load_id: i64, original: i64 },
    /// A load of another role has a query, which is not run with the caller's rights.
    RetriesOthersQuery(i64),
    /// Rejects of this load were retried, mended or undone by the retry's own triggers.
    RetriedMeanwhile(i64),
}

impl From<AmendError> for Error {
    fn from(error: AmendError) -> Self {
        Error::Amend(error)
    }
}

impl AmendError {
    pub(super) fn message(self) -> Message {
        match self {
            AmendError::NoLoad(load_id) => {
                Message::new(Code::ERRCODE_UNDEFINED_OBJECT, format!("load {load_id} does not exist"))
                    .detail("Only loads of roles whose privileges the current role has can be changed.")
            }
            AmendError::LoadUnderWay(load_id) => {
                Message::new(Code::ERRCODE_OBJECT_IN_USE, format!("load {load_id} is under way in another session"))
                    .hint("Wait for its end, or cancel it.")
            }
            AmendError::Undone(load_id) => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("load {load_id} was undone"),
            ),
            AmendError::HasUpdated { load_id, rows } => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("load {load_id} cannot be undone"),
            )
            .detail(format!("It has updated {}, whose earlier values are gone.", count(rows, "row", "rows"))),
            AmendError::RowsDiffer { load_id, brought, there } => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "load {load_id} brought {}, but {there} would be deleted",
                    count(brought, "row", "rows")
                ),
            )
            .detail("Rows of it were deleted, changed or kept by a trigger or policy, or other rows have its number.")
            .hint(format!("Use SELECT undo_load({load_id}, force => true); to delete what has its number nevertheless.")),
            AmendError::NoLineage { table } => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("table \"{table}\" has no column \"_load_id\" that loads can fill"),
            )
            .detail("The rows of a load are found by this column. It must be of type bigint, and not a generated or identity column.")
            .hint("Create the table with seed_json_table(..., lineage => true), or add the column before loading."),
            AmendError::FollowedByOthers { load_id, follower } => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("permission denied to undo load {load_id}"),
            )
            .detail(format!(
                "Load {follower} builds on it: it would be undone too, and was made by a role whose privileges the current role does not have."
            )),
            AmendError::FollowedConcurrently(load_id) => Message::new(
                Code::ERRCODE_T_R_SERIALIZATION_FAILURE,
                format!("could not serialize access due to a concurrent load that builds on load {load_id}"),
            )
            .hint("Retry the transaction."),
            AmendError::ReplacesOthers(load_id) => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("permission denied to replace load {load_id}"),
            )
            .detail("Only roles with the privileges of the role that loaded a file may replace it."),
            AmendError::TargetGone { table, load_id } => Message::new(
                Code::ERRCODE_UNDEFINED_TABLE,
                format!("table {table} of load {load_id} does not exist"),
            ),
            AmendError::NoReject { load_id, byte_offset } => Message::new(
                Code::ERRCODE_UNDEFINED_OBJECT,
                format!("load {load_id} has no reject at byte {byte_offset}"),
            )
            .hint(format!("See SELECT * FROM loader.rejects WHERE load_id = {load_id};")),
            AmendError::NotAnExpression => Message::new(
                Code::ERRCODE_SYNTAX_ERROR,
                "argument \"expression\" must be one SQL expression",
            )
            .hint("An example is $$replace(raw_text, 'NaN', 'null')$$."),
            AmendError::Resolved { load_id, byte_offset, retry } => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("reject of load {load_id} at byte {byte_offset} is already loaded"),
            )
            .detail(format!("Load {retry} loaded the mended record."))
            .hint(format!("Use SELECT undo_load({retry}); to take that back.")),
            AmendError::IsRetry { load_id, original } => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("load {load_id} is a retry of load {original}"),
            )
            .detail("A retry has no rejects of its own.")
            .hint(format!("Use SELECT * FROM retry_rejects({original});")),
            AmendError::RetriesOthersQuery(load_id) => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("permission denied to retry load {load_id}"),
            )
            .detail("Another role loaded it with a transform, which would run with the privileges of this one.")
            .hint("Use SET ROLE to become the role that loaded it."),
            AmendError::RetriedMeanwhile(load_id) => Message::new(
                Code::ERRCODE_OBJECT_IN_USE,
                format!("rejects of load {load_id} were changed while they were retried"),
            )
            .detail("Code that runs for each row of the table, such as a trigger, retries, mends or undoes them.")
            .hint("Let it not do so while it runs in a retry."),
        }
    }
}
