//! From the kinds of a column's values to its type.
//!
//! A type is chosen if it holds every value as it was written. Where a few do not fit, at most
//! one in a hundred, the type of all others is chosen nevertheless, but only if those few are
//! of kinds that the type is certain to refuse: a load then shows each of them, and
//! alters none. Otherwise the column is text, or jsonb where a container is among its values.

use super::kind::{KINDS, Kind, Kinds};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// boolean.
    Boolean,
    /// bigint.
    Bigint,
    /// numeric.
    Numeric,
    /// double precision.
    Double,
    /// date.
    Date,
    /// timestamp without time zone.
    Timestamp,
    /// timestamp with time zone.
    TimestampTz,
    /// uuid.
    Uuid,
    /// text.
    Text,
    /// jsonb.
    Jsonb,
}

impl DataType {
    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            DataType::Boolean => "boolean",
            DataType::Bigint => "bigint",
            DataType::Numeric => "numeric",
            DataType::Double => "double precision",
            DataType::Date => "date",
            DataType::Timestamp => "timestamp",
            DataType::TimestampTz => "timestamptz",
            DataType::Uuid => "uuid",
            DataType::Text => "text",
            DataType::Jsonb => "jsonb",
        }
    }
}

/// Why a column has its type, where that does not go without saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has no value.
    NoValue,
    /// Some of its values do not fit, and are certain to be refused.
    DoNotFit {
        /// So many …
        values: u64,
        /// … of so many.
        of: u64,
    },
    /// Most of its values, but not enough of them, would fit another type.
    Mostly {
        /// That type.
        other: DataType,
        /// So many values would fit …
        values: u64,
        /// … of so many.
        of: u64,
    },
    /// It has timestamps with more digits than the server keeps.
    FineTimestamps,
    /// Its values are of several types.
    Mixed,
}

/// What was decided about a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub data_type: DataType,
    pub reason: Option<Reason>,
    /// The first value of one of these kinds shows why.
    pub counter: Kinds,
}

/// A type with the kinds that it holds, and those that it is certain to refuse.
struct Candidate {
    data_type: DataType,
    holds: Kinds,
    refuses: Kinds,
}

impl Candidate {
    /// The type, or one of its family that holds the numbers of the column too.
    fn narrowest(&self, of: impl Fn(Kinds) -> u64) -> DataType {
        if self.holds == NUMBERS { type_of_numbers(of) } else { self.data_type }
    }
}

const NUMBERS: Kinds = Kinds::of(&[
    Kind::Integer,
    Kind::WideInteger,
    Kind::LongInteger,
    Kind::Decimal,
    Kind::WideDecimal,
    Kind::Exponent,
    Kind::WideExponent,
]);
const INTEGERS: Kinds = Kinds::of(&[Kind::Integer, Kind::WideInteger]);
const EXPONENTS: Kinds = Kinds::of(&[Kind::Exponent, Kind::WideExponent]);
/// Numbers that double precision gives back as they were.
const DOUBLES: Kinds = Kinds::of(&[Kind::Integer, Kind::Decimal, Kind::Exponent]);
const TIMES: Kinds = Kinds::of(&[Kind::Date, Kind::Timestamp, Kind::TimestampTz, Kind::FineTimestamp]);
const CONTAINERS: Kinds = Kinds::of(&[Kind::Array, Kind::Object]);
const STRINGS: Kinds = Kinds::of(&[Kind::Uuid, Kind::Word, Kind::Text]).and(TIMES);
const FINE: Kinds = Kinds::of(&[Kind::FineTimestamp]);
/// Strings that have no type of their own.
const TEXTS: Kinds = Kinds::of(&[Kind::Word, Kind::Text]);
const NOTHING: Kinds = Kinds::of(&[]);

/// What dates and timestamps are certain to refuse. They take each other's values, and find a
/// date in a number or between the punctuation of a container too.
const NO_TIME: Kinds = Kinds::of(&[Kind::Boolean, Kind::Word]);

const CANDIDATES: [Candidate; 6] = [
    Candidate {
        data_type: DataType::Boolean,
        holds: Kinds::of(&[Kind::Boolean]),
        // 1 and 0 are booleans to the server.
        refuses: Kinds::of(&[Kind::Word, Kind::Uuid]).and(TIMES).and(CONTAINERS),
    },
    Candidate {
        data_type: DataType::Numeric,
        holds: NUMBERS,
        refuses: Kinds::of(&[Kind::Boolean, Kind::Word, Kind::Uuid]).and(TIMES).and(CONTAINERS),
    },
    Candidate { data_type: DataType::Date, holds: Kinds::of(&[Kind::Date]), refuses: NO_TIME },
    Candidate { data_type: DataType::Timestamp, holds: Kinds::of(&[Kind::Timestamp]), refuses: NO_TIME },
    Candidate { data_type: DataType::TimestampTz, holds: Kinds::of(&[Kind::TimestampTz]), refuses: NO_TIME },
    Candidate {
        data_type: DataType::Uuid,
        holds: Kinds::of(&[Kind::Uuid]),
        refuses: Kinds::of(&[Kind::Boolean, Kind::Word, Kind::Integer, Kind::WideInteger, Kind::Decimal])
            .and(TIMES)
            .and(CONTAINERS),
    },
];

/// A type is chosen where no more than one value in so many does not fit.
const ONE_IN: u64 = 100;

/// Decides by how many values there are of each kind.
pub(super) fn decide(counts: &[u64; KINDS]) -> Verdict {
    let of = |kinds: Kinds| -> u64 {
        counts.iter().enumerate().filter(|(kind, _)| kinds.has(*kind)).map(|(_, count)| count).sum()
    };
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return Verdict { data_type: DataType::Text, reason: Some(Reason::NoValue), counter: NOTHING };
    }
    for candidate in &CANDIDATES {
        let misfits = all - of(candidate.holds);
        if misfits == 0 && candidate.holds == NUMBERS {
            return decide_number(all, of);
        }
        if misfits == 0 {
            return Verdict { data_type: candidate.data_type, reason: None, counter: NOTHING };
        }
        if misfits * ONE_IN <= all && misfits == of(candidate.refuses) {
            let data_type = candidate.narrowest(of);
            let reason = Some(Reason::DoNotFit { values: misfits, of: all });
            return Verdict { data_type, reason, counter: candidate.holds.others() };
        }
    }
    decide_any(all, of)
}

/// The type of a column that has nothing but numbers.
fn decide_number(all: u64, of: impl Fn(Kinds) -> u64) -> Verdict {
    let data_type = type_of_numbers(&of);
    let integers = of(INTEGERS);
    if data_type != DataType::Bigint && integers * 2 > all {
        let reason = Some(Reason::Mostly { other: DataType::Bigint, values: integers, of: all });
        return Verdict { data_type, reason, counter: INTEGERS.others() };
    }
    Verdict { data_type, reason: None, counter: NOTHING }
}

/// The narrowest type that gives back all numbers of the column.
fn type_of_numbers(of: impl Fn(Kinds) -> u64) -> DataType {
    let numbers = of(NUMBERS);
    if of(INTEGERS) == numbers {
        DataType::Bigint
    } else if of(EXPONENTS) > 0 && of(DOUBLES) == numbers {
        DataType::Double
    } else {
        DataType::Numeric
    }
}

/// text or jsonb.
fn decide_any(all: u64, of: impl Fn(Kinds) -> u64) -> Verdict {
    let (data_type, own) =
        if of(CONTAINERS) > 0 { (DataType::Jsonb, CONTAINERS) } else { (DataType::Text, STRINGS) };
    let is_most = |kinds: Kinds| of(kinds) * 2 > all;
    let mostly = |other, kinds: Kinds| {
        let reason = Some(Reason::Mostly { other, values: of(kinds), of: all });
        Verdict { data_type, reason, counter: kinds.others() }
    };
    if let Some(candidate) = CANDIDATES.iter().find(|candidate| is_most(candidate.holds)) {
        return mostly(candidate.narrowest(&of), candidate.holds);
    }
    if data_type == DataType::Jsonb && is_most(STRINGS) {
        return mostly(DataType::Text, STRINGS);
    }
    let is_fine = of(FINE) > 0 && of(TIMES) == all;
    let is_plain = of(own) == all && (data_type == DataType::Jsonb || of(TEXTS) > 0);
    let (reason, counter) = match (is_fine, is_plain) {
        (true, _) => (Some(Reason::FineTimestamps), FINE),
        (_, true) => (None, NOTHING),
        // Where neither kind is most, none shows why.
        _ => (Some(Reason::Mixed), if is_most(own) { own.others() } else { NOTHING }),
    };
    Verdict { data_type, reason, counter }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(kinds: &[(Kind, u64)]) -> (DataType, Option<Reason>) {
        let mut counts = [0; KINDS];
        for (kind, count) in kinds {
            counts[*kind as usize] = *count;
        }
        let Verdict { data_type, reason, .. } = decide(&counts);
        (data_type, reason)
    }

    #[test]
    fn every_value_fits() {
        let cases: [(&[(Kind, u64)], DataType); 12] = [
            (&[(Kind::Boolean, 3)], DataType::Boolean),
            (&[(Kind::Integer, 3), (Kind::WideInteger, 1)], DataType::Bigint),
            (&[(Kind::Decimal, 3)], DataType::Numeric),
            (&[(Kind::LongInteger, 3)], DataType::Numeric),
            (&[(Kind::Exponent, 3), (Kind::Decimal, 3)], DataType::Double),
            (&[(Kind::Exponent, 3), (Kind::WideInteger, 1)], DataType::Numeric),
            (&[(Kind::WideExponent, 3)], DataType::Numeric),
            (&[(Kind::Date, 3)], DataType::Date),
            (&[(Kind::Timestamp, 3)], DataType::Timestamp),
            (&[(Kind::TimestampTz, 3)], DataType::TimestampTz),
            (&[(Kind::Uuid, 3)], DataType::Uuid),
            (&[(Kind::Array, 3), (Kind::Object, 4)], DataType::Jsonb),
        ];
        for (kinds, data_type) in cases {
            assert_eq!(decided(kinds), (data_type, None), "{kinds:?}");
        }
        assert_eq!(decided(&[]), (DataType::Text, Some(Reason::NoValue)));
        assert_eq!(decided(&[(Kind::Text, 3), (Kind::Word, 1), (Kind::Date, 2)]), (DataType::Text, None));
    }

    #[test]
    fn a_few_values_may_not_fit_where_they_are_refused() {
        let few = |values, of| Some(Reason::DoNotFit { values, of });
        assert_eq!(decided(&[(Kind::Integer, 99), (Kind::Word, 1)]), (DataType::Bigint, few(1, 100)));
        assert_eq!(decided(&[(Kind::Decimal, 200), (Kind::Array, 2)]), (DataType::Numeric, few(2, 202)));
        assert_eq!(decided(&[(Kind::Date, 99), (Kind::Word, 1)]), (DataType::Date, few(1, 100)));
        // One more is too many.
        let mostly = |other, values, of| Some(Reason::Mostly { other, values, of });
        assert_eq!(
            decided(&[(Kind::Integer, 98), (Kind::Word, 1)]),
            (DataType::Text, mostly(DataType::Bigint, 98, 99))
        );
        // What would be altered is not tolerated: a date loses its time, a string its zeros.
        assert_eq!(
            decided(&[(Kind::Date, 9999), (Kind::Timestamp, 1)]),
            (DataType::Text, mostly(DataType::Date, 9999, 10_000))
        );
        assert_eq!(
            decided(&[(Kind::Integer, 9999), (Kind::Text, 1)]),
            (DataType::Text, mostly(DataType::Bigint, 9999, 10_000))
        );
        assert_eq!(
            decided(&[(Kind::Boolean, 9999), (Kind::Integer, 1)]),
            (DataType::Text, mostly(DataType::Boolean, 9999, 10_000))
        );
        assert_eq!(
            decided(&[(Kind::Date, 9999), (Kind::Array, 1)]),
            (DataType::Jsonb, mostly(DataType::Date, 9999, 10_000))
        );
    }

    #[test]
    fn what_is_wider_than_most_values_need_is_said() {
        assert_eq!(
            decided(&[(Kind::Integer, 3), (Kind::Decimal, 1)]),
            (DataType::Numeric, Some(Reason::Mostly { other: DataType::Bigint, values: 3, of: 4 }))
        );
        assert_eq!(decided(&[(Kind::Text, 3), (Kind::Integer, 2)]), (DataType::Text, Some(Reason::Mixed)));
        assert_eq!(decided(&[(Kind::Object, 1), (Kind::Text, 1)]), (DataType::Jsonb, Some(Reason::Mixed)));
        assert_eq!(
            decided(&[(Kind::Text, 9), (Kind::Object, 1)]),
            (DataType::Jsonb, Some(Reason::Mostly { other: DataType::Text, values: 9, of: 10 }))
        );
        assert_eq!(decided(&[(Kind::Date, 1), (Kind::Timestamp, 1)]), (DataType::Text, Some(Reason::Mixed)));
        assert_eq!(
            decided(&[(Kind::TimestampTz, 1), (Kind::FineTimestamp, 1)]),
            (DataType::Text, Some(Reason::FineTimestamps))
        );
    }
}
