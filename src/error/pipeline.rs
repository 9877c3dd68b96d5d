//! Why pipelines cannot be defined or run.

use super::code::code_of;
use super::messages::Message;
use super::{Error, Failure};
use pgrx::PgSqlErrorCode as Code;

/// Why they cannot. Names and paths are ready to be shown.
#[derive(Debug)]
pub enum PipelineError {
    /// The name is empty or too long.
    BadName(String),
    /// There is one of that name.
    Exists(String),
    /// There is none of that name that the caller may see.
    NotFound(String),
    /// A number is out of range.
    OutOfRange { argument: &'static str, value: String, least: &'static str, most: &'static str },
    /// `options` has a member that cannot be; why.
    BadOption { option: String, what: String },
    /// `options` is no object.
    OptionsNoObject,
    /// The name of the channel cannot be one.
    BadChannel(String),
    /// The caller is not logged in as the owner.
    NotTheOwner { name: String, owner: String },
    /// The caller may not become the owner.
    MayNotBecomeOwner { name: String, owner: String },
    /// The role that is to own it may not log in.
    MayNotLogIn(String),
    /// It is paused or suspended.
    Stopped { name: String, state: &'static str, reason: Option<String> },
    /// Its table is gone.
    NoTarget { name: String, target: String },
    /// The file is no exception of the pipeline.
    NoException { name: String, path: String },
}

/// A hook has failed.
#[derive(Debug)]
pub struct HookError {
    pub hook: &'static str,
    pub failure: Failure,
}

impl From<PipelineError> for Error {
    fn from(error: PipelineError) -> Self {
        Error::Pipeline(error)
    }
}

impl From<HookError> for Error {
    fn from(error: HookError) -> Self {
        Error::Hook(error)
    }
}

impl HookError {
    pub(super) fn message(self) -> Message {
        let HookError { hook, failure } = self;
        Message::new(code_of(&failure.code), format!("{hook} failed: {}", failure.message))
    }
}

impl PipelineError {
    pub(super) fn message(self) -> Message {
        match self {
            PipelineError::BadName(name) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid name of a pipeline: \"{name}\""),
            )
            .detail("A name has between 1 and 63 bytes."),
            PipelineError::Exists(name) => {
                Message::new(Code::ERRCODE_DUPLICATE_OBJECT, format!("pipeline \"{name}\" already exists"))
            }
            PipelineError::NotFound(name) => {
                Message::new(Code::ERRCODE_UNDEFINED_OBJECT, format!("pipeline \"{name}\" does not exist"))
                    .hint("SELECT name, owner FROM loader.pipelines; lists the pipelines of the roles whose rights you have.")
            }
            PipelineError::OutOfRange { argument, value, least, most } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"{argument}\" must be between {least} and {most}: {value}"),
            ),
            PipelineError::BadOption { option, what } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid option \"{option}\" of a pipeline: {what}"),
            )
            .hint("Options are arguments of load_json_files or load_csv_files, by name."),
            PipelineError::OptionsNoObject => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                "argument \"options\" must be a JSON object",
            )
            .hint("An example is '{\"records_path\": \"$.items\"}'."),
            PipelineError::BadChannel(channel) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid name of a channel: \"{channel}\""),
            )
            .detail("A name has between 1 and 63 bytes."),
            PipelineError::NotTheOwner { name, owner } => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("pipeline \"{name}\" must be run by its owner"),
            )
            .detail("Hooks and triggers have the rights of the role that the session is logged in as.")
            .hint(format!("Log in as role \"{owner}\".")),
            PipelineError::MayNotBecomeOwner { name, owner } => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("must be able to SET ROLE \"{owner}\" to alter pipeline \"{name}\""),
            )
            .detail("What a pipeline does is done as its owner, with more than the rights that others inherit."),
            PipelineError::MayNotLogIn(role) => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("role \"{role}\" cannot own a pipeline"),
            )
            .detail("A pipeline runs in a session that is logged in as its owner, and this role may not log in."),
            PipelineError::Stopped { name, state, reason } => {
                let message = Message::new(
                    Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("pipeline \"{name}\" is {state}"),
                )
                .hint("resume_pipeline has it run again.");
                match reason {
                    Some(reason) => message.detail(format!("Reason: {reason}.")),
                    None => message,
                }
            }
            PipelineError::NoTarget { name, target } => Message::new(
                Code::ERRCODE_UNDEFINED_TABLE,
                format!("table {target} of pipeline \"{name}\" does not exist"),
            )
            .hint("Another table of that name is another table: name it with alter_pipeline."),
            PipelineError::NoException { name, path } => Message::new(
                Code::ERRCODE_UNDEFINED_OBJECT,
                format!("file \"{path}\" of pipeline \"{name}\" is neither skipped, quarantined nor tried again"),
            )
            .hint("preview_pipeline says what the next run does with each file."),
        }
    }
}
