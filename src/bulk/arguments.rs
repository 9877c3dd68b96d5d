//! What `load_json_files` was called with: read, checked, and handed to workers.

use crate::error::Error;
use crate::load::{self, LoadOptions, RawInputOptions, RawOptions};
use crate::pg::Oid;

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
    pub target_column: Vec<u8>,
    pub records_path: Option<Vec<u8>>,
    pub on_file_error: OnFileError,
    pub encoding: Vec<u8>,
    pub on_corrupt: Vec<u8>,
    pub line_prefix: Option<Vec<u8>>,
}

/// What to do when a file has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFileError {
    /// Load the others.
    Continue,
    /// PartEnd the call.
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
        load::word("on_file_error", word, "continue, stop, raise", &words)
    }
}

impl BulkArguments {
    /// The options of each file's load.
    pub fn options(&self) -> Result<LoadOptions, Error> {
        LoadOptions::of(&RawOptions {
            chunk: self.chunk,
            format: &self.format,
            input: RawInputOptions {
                compression: &self.compression,
                encoding: &self.encoding,
                on_corrupt: &self.on_corrupt,
            },
            on_error: &self.on_error,
            reject_limit: self.reject_limit,
            if_loaded: &self.if_loaded,
            if_emptied: &self.if_emptied,
            records_path: self.records_path.as_deref(),
            validate: false,
            line_prefix: self.line_prefix.as_deref(),
        })
    }

    /// As words, with how many threads of each worker parse.
    pub fn to_words(&self, threads: usize) -> Vec<u64> {
        let mut words = vec![
            u64::from(self.table.to_u32()),
            self.chunk as u64,
            u64::from(self.reject_limit.is_some()),
            self.reject_limit.unwrap_or(0) as u64,
            self.on_file_error as u64,
            threads as u64,
            u64::from(self.records_path.is_some()),
            u64::from(self.line_prefix.is_some()),
        ];
        let none = Vec::new();
        let path = self.records_path.as_ref().unwrap_or(&none);
        let prefix = self.line_prefix.as_ref().unwrap_or(&none);
        for text in [
            &self.format,
            &self.compression,
            &self.on_error,
            &self.if_loaded,
            &self.if_emptied,
            &self.target_column,
            path,
            &self.encoding,
            &self.on_corrupt,
            prefix,
        ] {
            words.push(text.len() as u64);
            words.extend(text.iter().map(|&b| u64::from(b)));
        }
        words
    }

    /// From [`BulkArguments::to_words`].
    pub fn from_words(words: &[u64]) -> (BulkArguments, usize) {
        let (numbers, mut rest) = words.split_at(8);
        let mut text = || {
            let (text, after) = rest[1..].split_at(rest[0] as usize);
            rest = after;
            text.iter().map(|&b| b as u8).collect::<Vec<u8>>()
        };
        let [
            format,
            compression,
            on_error,
            if_loaded,
            if_emptied,
            target_column,
            path,
            encoding,
            on_corrupt,
            prefix,
        ] = std::array::from_fn(|_| text());
        let call = BulkArguments {
            table: Oid::from(numbers[0] as u32),
            chunk: numbers[1] as i32,
            format,
            compression,
            on_error,
            reject_limit: (numbers[2] != 0).then_some(numbers[3] as i64),
            if_loaded,
            if_emptied,
            target_column,
            records_path: (numbers[6] != 0).then_some(path),
            on_file_error: OnFileError::ALL[numbers[4] as usize],
            encoding,
            on_corrupt,
            line_prefix: (numbers[7] != 0).then_some(prefix),
        };
        (call, numbers[5] as usize)
    }
}
