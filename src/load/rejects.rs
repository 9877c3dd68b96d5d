//! The bad records of a load: counted, kept for `loader.rejects`, and held
//! against the limits.

use super::options::{LoadOptions, OnError};
use crate::catalog::{Catalog, Rejects};
use crate::error::{ContentError, DialectError, Error, RecordPosition, RejectReason};
use crate::pg::strings::text;
use std::borrow::Cow;

/// If there is no `reject_limit`, a file whose first this many records are all bad is taken for
/// one that is no JSON.
const HOPELESS: u64 = 1_000;

/// Rejects are held back until there are this many, or until they have this many bytes, and are
/// written together, as a chunk of good records is.
const BATCH: usize = 10_000;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The number of rejects that a validation shows.
const SHOWN: usize = 10;

/// A bad record, or what stands between records.
pub struct Bad<'a> {
    pub place: RecordPosition,
    pub reason: RejectReason,
    /// The first bytes of the record.
    pub raw: &'a [u8],
    /// Its key in the object whose values the records are, as UTF-8.
    pub key: Option<&'a [u8]>,
}

/// The bad records of one stream.
pub struct RejectLog {
    load_id: i64,
    on_error: OnError,
    /// The records are delimited text.
    is_delimited: bool,
    limit: Option<u64>,
    count: u64,
    /// How many of them are no records, but text and the like between records.
    between: u64,
    /// If this is a validation: the first bad records.
    first: Option<Vec<(RecordPosition, RejectReason)>>,
    pending: Rejects,
    pending_bytes: usize,
}

impl RejectLog {
    /// For a stream of which earlier calls have booked `count` bad records.
    pub fn new(load_id: i64, options: &LoadOptions, count: u64) -> Self {
        RejectLog {
            load_id,
            on_error: options.on_error,
            is_delimited: options.format.has_dialect(),
            limit: options.reject_limit,
            count,
            between: 0,
            first: options.validate.then(Vec::new),
            pending: Rejects::default(),
            pending_bytes: 0,
        }
    }

    /// How many bad records there are so far, those of earlier calls too.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of those of this call are no records, but text and the like between records.
    pub fn between(&self) -> u64 {
        self.between
    }

    /// The first bad records of a validation.
    pub fn first(&self) -> &[(RecordPosition, RejectReason)] {
        self.first.as_deref().unwrap_or_default()
    }

    /// Whether the next bad record decides that the file is given up, if none before it was good.
    pub fn is_hopeless_next(&self) -> bool {
        self.limit.is_none() && self.count + 1 >= HOPELESS
    }

    /// Books a bad record, or what stands between records. Fails where the options say that
    /// the load has to. `any_good` says whether a record was good that stands before it in the
    /// file.
    pub fn add(&mut self, path: &str, bad: Bad<'_>, any_good: bool) -> Result<(), Error> {
        let hopeless = self.count + 1 >= HOPELESS && !any_good;
        self.book(path, bad, hopeless)
    }

    /// Books a record that was refused when it was inserted, after bad ones behind it may have
    /// been booked.
    pub fn add_refused(&mut self, path: &str, bad: Bad<'_>, any_good: bool) -> Result<(), Error> {
        let hopeless = bad.place.number >= HOPELESS && !any_good;
        self.book(path, bad, hopeless)
    }

    fn book(&mut self, path: &str, bad: Bad<'_>, hopeless: bool) -> Result<(), Error> {
        self.count += 1;
        self.between += u64::from(!bad.reason.is_of_record());
        let path = || path.to_string();
        let (place, is_fault) = (bad.place, bad.reason.fault.is_some());
        let reason = || Box::new(bad.reason.clone());
        if self.on_error == OnError::Stop {
            return Err(ContentError::BadRecord { path: path(), place, reason: reason() }.into());
        }
        match self.limit {
            Some(limit) if self.count > limit => {
                return Err(
                    ContentError::TooManyRejects { path: path(), limit, place, reason: reason() }.into()
                );
            }
            None if hopeless && is_fault => {
                let (path, records, reason) = (path(), HOPELESS, reason());
                return Err(match self.is_delimited {
                    true => DialectError::NoneRead { path, records, place, reason }.into(),
                    false => ContentError::NotJson { path, records, place, reason }.into(),
                });
            }
            None if hopeless => {
                return Err(ContentError::NoneInserted {
                    path: path(),
                    records: HOPELESS,
                    place,
                    reason: reason(),
                }
                .into());
            }
            _ => {}
        }
        if let Some(first) = &mut self.first {
            let index = first.partition_point(|(other, _)| other.offset < place.offset);
            if index < SHOWN {
                first.insert(index, (place, bad.reason.clone()));
                first.truncate(SHOWN);
            }
        }
        if self.on_error == OnError::Reject {
            self.keep(bad)?;
        }
        Ok(())
    }

    fn keep(&mut self, bad: Bad<'_>) -> Result<(), Error> {
        let Bad { place, reason, raw, key } = bad;
        let key = key.map(|key| text::from_utf8(key, false)).transpose().map_err(Error::OutOfMemory)?;
        self.pending.reserve().map_err(Error::OutOfMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(raw.len()).map_err(|_| Error::OutOfMemory(raw.len()))?;
        bytes.extend_from_slice(raw);
        self.pending_bytes += raw.len() + reason.message.len();
        self.pending.record_no.push(place.number as i64);
        self.pending.byte_offset.push(place.offset as i64);
        self.pending.byte_length.push(place.length as i64);
        self.pending.line.push(place.line as i64);
        self.pending.error_type.push(Cow::Borrowed(reason.error_type));
        self.pending.sqlstate.push(reason.sqlstate);
        self.pending.message.push(reason.message);
        self.pending.raw_truncated.push((raw.len() as u64) < place.length);
        self.pending.raw.push(bytes);
        self.pending.record_key.push(key.flatten());
        self.pending.column_name.push(reason.column_name);
        Ok(())
    }

    /// Whether it is time to [`RejectLog::write`].
    pub fn is_full(&self) -> bool {
        self.pending.raw.len() >= BATCH || self.pending_bytes >= BATCH_BYTES
    }

    /// Writes what is held back.
    pub fn write(&mut self, catalog: &Catalog) {
        if !self.pending.raw.is_empty() {
            self.pending_bytes = 0;
            catalog.add_rejects(self.load_id, std::mem::take(&mut self.pending));
        }
    }
}
