//! A file in the making.

use super::content::Content;
use super::dialect::Dialect;
use super::fault::Fault;
use super::write::{self, Row};
use super::{Damage, File, strict};
use crate::rng::Rng;
use crate::{Good, Span};
use std::ops::Range;

/// No file is much longer. Bytes.
const LONGEST: usize = 380_000;

/// What a piece is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A row that nothing happened to.
    Good,
    /// A row that nothing happened to, and that may be lost.
    Unsure,
    /// What is no row.
    Damaged(Fault),
    /// What is neither a row nor a reject.
    Framing(Option<Fault>),
}

/// A part of a file: whole lines, except the last.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its bytes, and its fields where it is a row.
    pub row: Row,
    /// The line end behind it.
    pub line_end: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// What of its bytes, and of its line end, may be loaded or not.
    pub tolerated: Vec<Range<usize>>,
}

impl Piece {
    /// What is no row.
    pub fn damaged(fault: Fault, bytes: Vec<u8>, draft: &Draft) -> Piece {
        Piece::of(Kind::Damaged(fault), Row { bytes, fields: Vec::new() }, draft)
    }

    /// What is passed over.
    pub fn framing(fault: Option<Fault>, bytes: Vec<u8>, draft: &Draft) -> Piece {
        Piece::of(Kind::Framing(fault), Row { bytes, fields: Vec::new() }, draft)
    }

    fn of(kind: Kind, row: Row, draft: &Draft) -> Piece {
        Piece { row, line_end: draft.dialect.line_end.as_bytes().to_vec(), kind, tolerated: Vec::new() }
    }

    /// Allows a part to be loaded.
    pub fn tolerating(mut self, part: Range<usize>) -> Piece {
        self.tolerated.push(part);
        self
    }
}

/// A file in the making.
#[derive(Clone, Debug)]
pub struct Draft {
    /// How it is written.
    pub dialect: &'static Dialect,
    /// What its rows are.
    pub content: Content,
    /// Fields of a row.
    pub width: usize,
    /// The first piece is a header.
    pub header: Option<Row>,
    /// So many lines stand before it.
    pub skip: usize,
    /// Its parts.
    pub pieces: Vec<Piece>,
    /// A byte order mark stands before everything.
    pub bom: bool,
    /// Enough fields are quoted that the quote is plain to see.
    pub shows_quotes: bool,
}

impl Draft {
    /// An undamaged file.
    pub fn new(dialect: &'static Dialect, content: Content, rows: usize, rng: &mut Rng) -> Draft {
        let names = content.header();
        let header = (!content.is_typed() || !rng.one_in(4)).then(|| write::row(&names, dialect, rng));
        let width = names.len();
        let bom = rng.one_in(10);
        let mut draft =
            Draft { dialect, content, width, header, skip: 0, pieces: Vec::new(), bom, shows_quotes: false };
        if let Some(header) = &draft.header {
            draft.pieces.push(Piece::framing(None, header.bytes.clone(), &draft));
        }
        let (mut bytes, mut quoted) = (0, 0);
        for n in 0..rows {
            let row = write::row(&content.row(n, dialect, rng), dialect, rng);
            bytes += row.bytes.len();
            quoted += usize::from(!row.which(true, dialect).is_empty());
            if bytes > LONGEST {
                break;
            }
            draft.pieces.push(Piece::of(Kind::Good, row, &draft));
        }
        draft.shows_quotes = quoted >= 4 && quoted * 20 >= draft.pieces.len();
        draft
    }

    /// The rows that nothing has happened to yet.
    pub fn free(&self) -> Vec<usize> {
        (0..self.pieces.len()).filter(|&at| self.is_free(at)).collect()
    }

    /// Whether that is a row that nothing has happened to.
    pub fn is_free(&self, at: usize) -> bool {
        self.pieces.get(at).is_some_and(|piece| matches!(piece.kind, Kind::Good))
    }

    /// Whether these bytes end with the header, perhaps behind a byte order mark.
    fn is_header(&self, bytes: &[u8]) -> bool {
        self.header.as_ref().is_some_and(|header| bytes.ends_with(&header.bytes))
    }

    /// Puts pieces in the place of others, if what they are can be decided.
    pub fn replace(&mut self, range: Range<usize>, pieces: Vec<Piece>) -> bool {
        let decidable = pieces.iter().all(|piece| match piece.kind {
            Kind::Good | Kind::Unsure => true,
            Kind::Damaged(_) | Kind::Framing(_) => strict::rows(&piece.row.bytes, self.width, self.dialect)
                .iter()
                .all(|row| piece.tolerated.contains(row) || self.is_header(&piece.row.bytes)),
        });
        if decidable {
            self.pieces.splice(range, pieces);
        }
        decidable
    }

    /// The file, and the truth about it.
    pub fn finish(self, name: String, seed: u64, scenario: &'static str) -> File {
        let mut file = File {
            name,
            seed,
            dialect: self.dialect,
            content: self.content,
            scenario,
            width: self.width,
            skip: self.skip,
            header: self.header.is_some(),
            bytes: Vec::new(),
            good: Vec::new(),
            damaged: Vec::new(),
            tolerated: Vec::new(),
            framing: Vec::new(),
        };
        if self.bom {
            file.bytes.extend_from_slice("\u{FEFF}".as_bytes());
        }
        for piece in self.pieces {
            add(&mut file, &piece);
        }
        doubt(&mut file);
        file
    }
}

fn add(file: &mut File, piece: &Piece) {
    let span = Span { offset: file.bytes.len(), length: piece.row.bytes.len() };
    file.bytes.extend_from_slice(&piece.row.bytes);
    file.bytes.extend_from_slice(&piece.line_end);
    match piece.kind {
        Kind::Good => file.good.push(Good { span, unsure: false }),
        Kind::Unsure => file.good.push(Good { span, unsure: true }),
        Kind::Damaged(fault) => file.damaged.push(Damage { span, fault }),
        Kind::Framing(fault) => {
            file.framing.push(span);
            file.damaged.extend(fault.map(|fault| Damage { span, fault }));
        }
    }
    let part = |part: &Range<usize>| Span { offset: span.offset + part.start, length: part.len() };
    file.tolerated.extend(piece.tolerated.iter().map(part));
}

/// Where a damaged row reads together with what follows as a row, the rows between are unsure,
/// unless there are several and no field of the file has rows in it.
fn doubt(file: &mut File) {
    for damage in &file.damaged {
        for start in strict::line_starts(damage.span.of(&file.bytes), file.dialect) {
            let from = damage.span.offset + start;
            let Some(read) = strict::row(&file.bytes, from, file.width, file.dialect) else { continue };
            if read.end <= damage.span.end() {
                continue;
            }
            let is_within = |good: &&Good| from <= good.span.offset && good.span.end() <= read.end;
            if !file.content.has_rows_in_fields() && file.good.iter().filter(is_within).count() > 1 {
                continue;
            }
            file.tolerated.push(Span { offset: from, length: read.end - from });
            for good in file.good.iter_mut() {
                good.unsure |= from <= good.span.offset && good.span.end() <= read.end;
            }
        }
    }
}
