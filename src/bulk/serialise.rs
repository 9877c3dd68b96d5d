//! Values as bytes, for workers. Both ends are the same version of the library
//! on the same machine: there are no field names and no format versions.

use crate::pg::Oid;
use crate::sink::MappedField;
use std::time::Duration;

/// A value that can be written as bytes and read back.
pub trait Serialise: Sized {
    /// Appends the value to the bytes.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Takes the value from the front of the bytes; `None` where they do not hold one.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// Serialises a struct field by field. The fields stand here once, so what is written is what
/// is read, and the compiler says if one is missing.
macro_rules! serialise_fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::bulk::serialise::Serialise for $name {
            fn write(&self, bytes: &mut Vec<u8>) {
                let $name { $($field),* } = self;
                $($crate::bulk::serialise::Serialise::write($field, bytes);)*
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some($name { $($field: $crate::bulk::serialise::Serialise::read(bytes)?),* })
            }
        }
    };
}
pub(crate) use serialise_fields;

macro_rules! serialise_numbers {
    ($($number:ty),*) => {$(
        impl Serialise for $number {
            fn write(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_ne_bytes());
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$number>::from_ne_bytes(*number))
            }
        }
    )*};
}
serialise_numbers!(u8, u32, u64, i32, i64, usize);

impl Serialise for Oid {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.to_u32().write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u32::read(bytes).map(Oid::from)
    }
}

impl Serialise for Vec<u8> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        bytes.extend_from_slice(self);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = usize::read(bytes)?;
        let (content, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        Some(content.to_vec())
    }
}

impl Serialise for bool {
    fn write(&self, bytes: &mut Vec<u8>) {
        u8::from(*self).write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(u8::read(bytes)? != 0)
    }
}

impl Serialise for Duration {
    fn write(&self, bytes: &mut Vec<u8>) {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u64::read(bytes).map(Duration::from_nanos)
    }
}

impl<A: Serialise, B: Serialise> Serialise for (A, B) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

/// Serialises lists of these types.
macro_rules! serialise_lists {
    ($($item:ty),*) => {$(
        impl $crate::bulk::serialise::Serialise for Vec<$item> {
            fn write(&self, bytes: &mut Vec<u8>) {
                $crate::bulk::serialise::Serialise::write(&self.len(), bytes);
                self.iter().for_each(|item| $crate::bulk::serialise::Serialise::write(item, bytes));
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let length = <usize as $crate::bulk::serialise::Serialise>::read(bytes)?;
                (0..length).map(|_| $crate::bulk::serialise::Serialise::read(bytes)).collect()
            }
        }
    )*};
}
pub(crate) use serialise_lists;
serialise_lists!(Vec<u8>, MappedField);

impl<T: Serialise> Serialise for Option<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        u8::from(self.is_some()).write(bytes);
        if let Some(value) = self {
            value.write(bytes);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match u8::read(bytes)? {
            0 => Some(None),
            _ => T::read(bytes).map(Some),
        }
    }
}
