//! What a pipeline is made of: for each format of the file and each kind of target its
//! producer and its finisher. The only place that knows all of them.

use super::csv_producer::CsvProducer;
use super::finisher::{BatchFinisher, JsonbFinisher};
use super::framing::Framing;
use super::fused::FusedEncoder;
use super::observer::Observer;
use super::options::{Options, Target};
use super::producer::{JsonProducer, Producer};
use super::rows::RowFinisher;
use crate::encode::RecordForm;
use crate::split::Split;
use crate::split::json::{self, Splitter};
use crate::stream::{Error, Source};

/// The producer of a stream, at the place where its first batch begins.
#[expect(clippy::disallowed_methods, reason = "a small type of a constant size")]
pub(super) fn producer<S: Source + Send + 'static>(
    framing: Framing<S>,
    options: &Options,
) -> Result<Box<dyn Producer<S>>, Error> {
    let cells = match &options.target {
        Target::Columns { columns, .. } => columns.columns().len(),
        Target::Jsonb { .. } | Target::Text | Target::Schema(_) => 1,
    };
    match framing {
        Framing::Json { source, options: framing } => json_producer(source, framing, options, cells),
        Framing::Csv { splitter, .. } => {
            let mut splitter = *splitter;
            begin(&mut splitter, options)?;
            Ok(Box::new(CsvProducer::new(splitter, cells)))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a small type of a constant size")]
fn json_producer<S: Source + Send + 'static>(
    source: S,
    framing: json::Options,
    options: &Options,
    cells: usize,
) -> Result<Box<dyn Producer<S>>, Error> {
    // What is made of a record while its end is looked for has nothing else in it.
    let alone = framing.keep.is_empty();
    let mut splitter = Splitter::with_reader(source, framing, FusedEncoder::default())?;
    begin(&mut splitter, options)?;
    let keep_texts = match options.target {
        Target::Jsonb { keep_texts, .. } => {
            // Several threads share out the datums; for one it is less work to make
            // each while the end of the record is looked for.
            if options.threads <= 1 && alone {
                splitter.reader_mut().activate();
            }
            keep_texts
        }
        Target::Columns { .. } | Target::Text | Target::Schema(_) => false,
    };
    Ok(Box::new(JsonProducer::new(splitter, keep_texts, cells)))
}

/// Has a splitter go to the place where its first item is wanted.
fn begin(splitter: &mut impl Split, options: &Options) -> Result<(), Error> {
    if let Some(range) = options.range {
        splitter.seek(range.start)?;
    }
    if options.resume_at > 0 {
        splitter.resume(options.resume_at)?;
    }
    splitter.stop_at(options.range.map_or(u64::MAX, |range| range.end));
    Ok(())
}

/// The finisher of one thread; `None` where all is left to the server.
#[expect(clippy::disallowed_methods, reason = "a small type of a constant size")]
pub(super) fn finisher(options: &Options, form: &RecordForm) -> Option<Box<dyn BatchFinisher>> {
    match &options.target {
        Target::Jsonb { keep_texts, toast } => {
            Some(Box::new(JsonbFinisher::new(form.clone(), *toast, *keep_texts)))
        }
        Target::Columns { columns, check } => {
            Some(Box::new(RowFinisher::new(form.clone(), columns.clone(), *check)))
        }
        Target::Text => None,
        Target::Schema(observing) => Some(Box::new(Observer::new(form.clone(), observing.clone()))),
    }
}
