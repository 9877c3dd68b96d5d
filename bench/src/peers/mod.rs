//! Who is measured, and how each is run.

mod alone;
mod client;
mod many;
mod within;

use crate::Result;
use crate::data::{Cut, Files, Form};
use crate::server::Server;
use crate::watch::Usage;
pub use many::{Call, Input};
use std::process::{Command, Stdio};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// `load_json_file` of a form.
    Loader(Form),
    /// COPY of the newline-delimited form: the baseline.
    Copy,
    /// Two sessions at once, each with COPYs of half of the files that the
    /// newline-delimited form is cut into.
    TwoCopies(Cut),
    /// `load_json_files`.
    Call(Call),
    /// `load_json_file` of small files, each from a psql of its own.
    PsqlCalls,
    /// `INSERT … SELECT` of rows that are ready: the ceiling.
    InsertSelect,
    /// `CREATE TABLE AS` of the same.
    CreateTableAs,
    /// psycopg2's `execute_values`, in chunks of 10,000.
    ExecuteValues,
    /// psycopg's `copy()`.
    PsycopgCopy,
    /// `jq -c '.[]'` of the compact array into COPY.
    JqCopy,
    /// `jsonb_array_elements` of the compact array.
    ArrayElements,
    /// `jsonb_in` by itself.
    JsonbIn,
    /// Our encoder by itself.
    Encoder,
    /// The file read by itself.
    Read,
}

/// What a peer is given.
pub struct Stage<'a> {
    /// The server.
    pub server: &'a Server,
    /// Settings of every session.
    pub settings: &'a str,
    /// The data.
    pub files: &'a Files,
    /// The table to fill. It exists and is empty, but for `CREATE TABLE AS`.
    pub table: &'a str,
    /// What client programs are run with.
    pub tools: &'a Tools,
}

/// Programs outside of the server.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The Python that has the drivers.
    pub python: String,
    /// The folder of the scripts.
    pub scripts: std::path::PathBuf,
    /// psql of the server's version.
    pub psql: std::path::PathBuf,
}

/// How it went.
#[derive(Clone, Debug)]
pub enum Ended {
    /// Committed.
    Done {
        /// From the first statement or byte to the commit.
        seconds: f64,
        /// What the backends used, or the program itself where there is none.
        usage: Usage,
        /// Records rejected.
        rejected: i64,
    },
    /// The server says that this is beyond its limits.
    BeyondLimits(String),
}

impl Peer {
    /// Its name in tables and in patterns.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Loader(Form::Lines) => "loader",
            Peer::Loader(form) => form.name(),
            Peer::Copy => "copy",
            Peer::TwoCopies(_) => "two-copies",
            Peer::Call(call) => call.name,
            Peer::PsqlCalls => "psql-calls",
            Peer::InsertSelect => "insert-select",
            Peer::CreateTableAs => "create-table-as",
            Peer::ExecuteValues => "execute-values",
            Peer::PsycopgCopy => "psycopg-copy",
            Peer::JqCopy => "jq-copy",
            Peer::ArrayElements => "array-elements",
            Peer::JsonbIn => "jsonb-in",
            Peer::Encoder => "encoder",
            Peer::Read => "read",
        }
    }

    /// The form of the file that it reads.
    pub fn form(self) -> Form {
        match self {
            Peer::Loader(form) => form,
            Peer::JqCopy | Peer::ArrayElements => Form::CompactArray,
            _ => Form::Lines,
        }
    }

    /// How the newline-delimited form is cut for it, and which share of the files it
    /// loads: the first of so many.
    pub fn parts(self) -> Option<(Cut, usize)> {
        match self {
            Peer::TwoCopies(cut) => Some((cut, 1)),
            Peer::Call(call) => call.parts(),
            Peer::PsqlCalls => Some((Cut::Small, 20)),
            _ => None,
        }
    }

    /// Whether it fills a table.
    pub fn fills(self) -> bool {
        !matches!(self, Peer::JsonbIn | Peer::Encoder | Peer::Read)
    }

    /// Whether its rows come in the order of the file, as far as its table can
    /// tell: a plain copy of `ready` is in the order in which rows lie there.
    pub fn keeps_order(self) -> bool {
        !matches!(self, Peer::TwoCopies(_) | Peer::Call(_) | Peer::InsertSelect | Peer::CreateTableAs)
    }

    /// What is missing on this machine to run it.
    pub fn missing(self, tools: &Tools) -> Option<String> {
        let module = |name: &str| {
            let found = quietly(Command::new(&tools.python).args(["-c", &format!("import {name}")]));
            (!found).then(|| format!("{} has no module {name}", tools.python))
        };
        match self {
            Peer::ExecuteValues => module("psycopg2"),
            Peer::PsycopgCopy => module("psycopg"),
            Peer::JqCopy => (!quietly(Command::new("jq").arg("--version"))).then(|| "no jq".to_owned()),
            _ => None,
        }
    }

    /// Runs it once. A failure is an error, but for one that shows a limit of
    /// the server.
    pub fn run(self, stage: &Stage<'_>) -> Result<Ended> {
        match self {
            Peer::Loader(form) => within::loader(stage, form),
            Peer::Copy => within::copy(stage),
            Peer::TwoCopies(cut) => within::two_copies(stage, cut),
            Peer::Call(call) => many::call(stage, call),
            Peer::PsqlCalls => many::psql_calls(stage),
            Peer::InsertSelect => within::insert_select(stage),
            Peer::CreateTableAs => within::create_table_as(stage),
            Peer::ArrayElements => within::array_elements(stage),
            Peer::JsonbIn => within::jsonb_in(stage),
            Peer::ExecuteValues => client::script(stage, "execute_values.py"),
            Peer::PsycopgCopy => client::script(stage, "psycopg_copy.py"),
            Peer::JqCopy => client::jq(stage),
            Peer::Encoder => alone::encoder(stage),
            Peer::Read => alone::read(stage),
        }
    }
}

fn quietly(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
