//! What kind of value a JSON value is, as far as the type of a column depends on it.

/// The kind of a value that is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// true or false.
    Boolean,
    /// An integer that both bigint and double precision hold exactly.
    Integer,
    /// An integer of at most 18 digits that double precision does not hold exactly.
    WideInteger,
    /// An integer of more than 18 digits.
    LongInteger,
    /// A number with a decimal point that double precision gives back as it was.
    Decimal,
    /// A number with a decimal point that double precision would alter.
    WideDecimal,
    /// A number with an exponent that double precision gives back as it was.
    Exponent,
    /// A number with an exponent that double precision would alter, or not take.
    WideExponent,
    /// A string that is a date: `2024-02-29`.
    Date,
    /// A string that is a date and a time.
    Timestamp,
    /// A string that is a date and a time with an offset.
    TimestampTz,
    /// A date and a time with more than the microseconds that a timestamp holds.
    FineTimestamp,
    /// A string that is a UUID.
    Uuid,
    /// A string that every type but those of texts refuses: `N/A`, `0000-00-00`.
    Word,
    /// Any other string. Some type may take it for something else than it is: `12`, `yes`.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// How many kinds there are.
pub(super) const KINDS: usize = Kind::Object as usize + 1;

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u32);

impl Kinds {
    /// Those of a list.
    pub(super) const fn of(kinds: &[Kind]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < kinds.len() {
            set |= 1 << kinds[index] as u32;
            index += 1;
        }
        Kinds(set)
    }

    /// Those of either set.
    pub(super) const fn and(self, other: Kinds) -> Self {
        Kinds(self.0 | other.0)
    }

    /// All that are not in the set.
    pub(super) const fn others(self) -> Self {
        Kinds(!self.0)
    }

    /// Whether the kind with this number is in the set.
    pub(super) fn has(self, kind: usize) -> bool {
        self.0 >> kind & 1 == 1
    }
}
