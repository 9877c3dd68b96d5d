//! One field of a record.

/// A field of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The index of its first byte, behind the opening quote where it has one.
    pub start: usize,
    /// It ends before this index, that of the closing quote where it has one.
    pub end: usize,
    /// It stands in quotes.
    pub quoted: bool,
    /// It has escapes (doubled quotes among them), which [`unescape`](super::fields::unescape) takes out.
    pub escaped: bool,
}

/// Whether there are as many fields as a record has, or more of which those behind are empty.
pub(super) fn has_width(fields: &[Field], width: usize, surplus: usize) -> bool {
    let is_empty = |field: &Field| field.start == field.end;
    fields.len() >= width
        && fields.len() <= width.saturating_add(surplus)
        && fields[width..].iter().all(is_empty)
}
