//! What `load_json_files` was called with: read, checked, and handed to workers.

use super::file_hook::FileHook;
use super::serialise::{Serialise, serialise_fields};
use crate::error::Error;
use crate::formats::{RawCsv, RawFormat, RawJson};
use crate::load::{LoadOptions, RawInputOptions, RawOptions};
use crate::pg::Oid;
use crate::read::ReadArguments;
use crate::sink::RawColumnOptions;

/// The arguments, texts in the database's encoding.
#[derive(Clone, Debug)]
pub struct BulkArguments {
    pub table: Oid,
    pub chunk: i32,
    pub format: Vec<u8>,
    pub compression: Vec<u8>,
    pub on_error: Vec<u8>,
    pub reject_limit: Option<i64>,
    pub if_loaded: Vec<u8>,
    pub if_emptied: Vec<u8>,
    pub target_column: Option<Vec<u8>>,
    pub records_path: Option<Vec<u8>>,
    pub on_file_error: OnFileError,
    pub encoding: Vec<u8>,
    pub on_corrupt: Vec<u8>,
    pub line_prefix: Option<Vec<u8>>,
    pub columns: RawColumnOptions,
    /// Of delimited text. Where it is not given, the files are JSON.
    pub csv: Option<RawCsv>,
}

/// What to do when a file has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFileError {
    /// Load the others.
    Continue,
    /// End the call.
    Stop,
    /// Load the others, and then fail.
    Raise,
}

impl OnFileError {
    const ALL: [OnFileError; 3] = [OnFileError::Continue, OnFileError::Stop, OnFileError::Raise];

    /// The meaning of the argument's word.
    pub fn of(word: &[u8]) -> Result<Self, Error> {
        let [continues, stop, raise] = OnFileError::ALL;
        let words = [("continue", continues), ("stop", stop), ("raise", raise)];
        crate::words::word("on_file_error", word, "continue, stop, raise", &words)
    }
}

impl BulkArguments {
    /// What the files are.
    fn format(&self) -> RawFormat<'_> {
        match &self.csv {
            Some(csv) => RawFormat::Csv(csv),
            None => RawFormat::Json(RawJson {
                format: &self.format,
                records_path: self.records_path.as_deref(),
                keep: &self.columns.keep,
                line_prefix: self.line_prefix.as_deref(),
            }),
        }
    }

    /// The options of each file's load.
    pub fn options(&self) -> Result<LoadOptions, Error> {
        LoadOptions::of(&RawOptions {
            chunk: self.chunk,
            format: self.format(),
            input: RawInputOptions {
                compression: &self.compression,
                encoding: &self.encoding,
                on_corrupt: &self.on_corrupt,
            },
            on_error: &self.on_error,
            reject_limit: self.reject_limit,
            if_loaded: &self.if_loaded,
            if_emptied: &self.if_emptied,
            validate: false,
            columns: &self.columns,
        })
    }
}

impl BulkArguments {
    /// The reading of a file, or of all files of a pattern, as a load would read them.
    pub fn reading<'a>(&'a self, path: &'a [u8]) -> ReadArguments<'a> {
        ReadArguments {
            path,
            format: self.format(),
            input: RawInputOptions {
                compression: &self.compression,
                encoding: &self.encoding,
                on_corrupt: &self.on_corrupt,
            },
            on_error: b"ignore",
            max_records: None,
        }
    }
}

/// What a worker has to know of the call that it works for.
#[derive(Clone, Debug)]
pub struct CallPlan {
    pub arguments: BulkArguments,
    /// Threads of each worker that parse.
    pub threads: usize,
    /// What a pipeline wants of each file.
    pub hook: Option<FileHook>,
}

impl CallPlan {
    /// The plan as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    /// The plan from [`CallPlan::to_bytes`]; `None` where the bytes are of something else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        CallPlan::read(&mut bytes).filter(|_| bytes.is_empty())
    }
}

serialise_fields!(CallPlan { arguments, threads, hook });

serialise_fields!(BulkArguments {
    table,
    chunk,
    format,
    compression,
    on_error,
    reject_limit,
    if_loaded,
    if_emptied,
    target_column,
    records_path,
    on_file_error,
    encoding,
    on_corrupt,
    line_prefix,
    columns,
    csv,
});

serialise_fields!(RawCsv {
    delimiter,
    quote,
    escape,
    new_line,
    header,
    skip,
    comment,
    null,
    force_null,
    force_not_null,
    strict_mode,
    decimal_separator,
    thousands,
    date_format,
    timestamp_format,
});

serialise_fields!(RawColumnOptions {
    match_columns,
    column_map,
    keep,
    transform,
    schema_evolution,
    on_value_error,
    write_mode,
    key,
    version_column,
});

impl Serialise for OnFileError {
    fn write(&self, bytes: &mut Vec<u8>) {
        (*self as u8).write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        OnFileError::ALL.get(usize::from(u8::read(bytes)?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{BulkArguments, CallPlan, FileHook, OnFileError};
    use crate::catalog::PipelineKey;
    use crate::formats::RawCsv;
    use crate::pg::Oid;
    use crate::sink::RawColumnOptions;

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let plan = CallPlan {
            arguments: BulkArguments {
                table: Oid::from(16_384),
                chunk: -1,
                format: b"auto".to_vec(),
                compression: Vec::new(),
                on_error: b"reject".to_vec(),
                reject_limit: Some(i64::MIN),
                if_loaded: b"skip".to_vec(),
                if_emptied: b"\xFF\0".to_vec(),
                target_column: Some(b"data".to_vec()),
                records_path: None,
                on_file_error: OnFileError::Raise,
                encoding: b"utf-8".to_vec(),
                on_corrupt: b"stop".to_vec(),
                line_prefix: Some(Vec::new()),
                columns: RawColumnOptions {
                    match_columns: b"exact".to_vec(),
                    column_map: vec![(b"a".to_vec(), None), (Vec::new(), Some(b"b".to_vec()))],
                    keep: vec![b"c.d".to_vec()],
                    transform: None,
                    schema_evolution: Vec::new(),
                    on_value_error: b"auto".to_vec(),
                    write_mode: b"upsert".to_vec(),
                    key: Some(vec![b"id".to_vec(), Vec::new()]),
                    version_column: Some(b"v".to_vec()),
                },
                csv: Some(RawCsv { skip: Some(3), comment: Some(b"#".to_vec()), ..RawCsv::default() }),
            },
            threads: 3,
            hook: Some(FileHook {
                pipeline: PipelineKey { name: b"p".to_vec(), generation: 1 },
                on_file: Some(b"SELECT $1".to_vec()),
                search_path: b"public".to_vec(),
                in_batches: true,
                settle: std::time::Duration::from_secs(10),
            }),
        };
        let bytes = plan.to_bytes();
        let read = CallPlan::from_bytes(&bytes).expect("a plan");
        assert_eq!(format!("{plan:?}"), format!("{read:?}"));
        for end in 0..bytes.len() {
            assert!(CallPlan::from_bytes(&bytes[..end]).is_none(), "{end} bytes are no plan");
        }
        assert!(CallPlan::from_bytes(&[bytes, vec![0]].concat()).is_none());
    }
}
