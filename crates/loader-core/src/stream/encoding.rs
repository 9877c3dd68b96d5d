//! What the text of a file is encoded in.

/// An encoding of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16 as its byte order mark says, little endian without one.
    Utf16,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
    /// UTF-32 as its byte order mark says, little endian without one.
    Utf32,
    /// UTF-32, little endian.
    Utf32Le,
    /// UTF-32, big endian.
    Utf32Be,
    /// ISO 8859-1: each byte is the code point of its number.
    Latin1,
    /// Any other that the Encoding Standard names.
    Legacy(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// The encoding of that name, in any case of letters.
    pub fn of_label(label: &[u8]) -> Option<Encoding> {
        const OWN: [(&str, Encoding); 14] = [
            ("utf-8", Encoding::Utf8),
            ("utf8", Encoding::Utf8),
            ("utf-16", Encoding::Utf16),
            ("utf16", Encoding::Utf16),
            ("utf-16le", Encoding::Utf16Le),
            ("utf-16be", Encoding::Utf16Be),
            ("utf-32", Encoding::Utf32),
            ("utf32", Encoding::Utf32),
            ("utf-32le", Encoding::Utf32Le),
            ("utf-32be", Encoding::Utf32Be),
            ("latin1", Encoding::Latin1),
            ("latin-1", Encoding::Latin1),
            ("iso-8859-1", Encoding::Latin1),
            ("iso8859-1", Encoding::Latin1),
        ];
        if let Some((_, own)) = OWN.iter().find(|(name, _)| label.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(*own);
        }
        let other = encoding_rs::Encoding::for_label_no_replacement(label)?;
        Some(if other == encoding_rs::UTF_8 {
            Encoding::Utf8
        } else if other == encoding_rs::UTF_16LE {
            Encoding::Utf16Le
        } else if other == encoding_rs::UTF_16BE {
            Encoding::Utf16Be
        } else {
            Encoding::Legacy(other)
        })
    }

    /// The name that options and history use.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16 => "utf-16",
            Encoding::Utf16Le => "utf-16le",
            Encoding::Utf16Be => "utf-16be",
            Encoding::Utf32 => "utf-32",
            Encoding::Utf32Le => "utf-32le",
            Encoding::Utf32Be => "utf-32be",
            Encoding::Latin1 => "latin1",
            Encoding::Legacy(encoding) => encoding.name(),
        }
    }
}

/// An encoding that is found out, if that was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Utf8,
    Utf16 { big_endian: bool },
    Utf32 { big_endian: bool },
    Latin1,
    Legacy(&'static encoding_rs::Encoding),
}

impl Kind {
    /// That of a text which begins with `head`, the first bytes of it.
    pub fn of(encoding: Option<Encoding>, head: &[u8]) -> Kind {
        let big_endian = |mark: Kind| head.starts_with(mark.byte_order_mark());
        match encoding {
            None => Kind::detect(head),
            Some(Encoding::Utf8) => Kind::Utf8,
            Some(Encoding::Utf16) => Kind::Utf16 { big_endian: big_endian(Kind::Utf16 { big_endian: true }) },
            Some(Encoding::Utf16Le) => Kind::Utf16 { big_endian: false },
            Some(Encoding::Utf16Be) => Kind::Utf16 { big_endian: true },
            Some(Encoding::Utf32) => Kind::Utf32 { big_endian: big_endian(Kind::Utf32 { big_endian: true }) },
            Some(Encoding::Utf32Le) => Kind::Utf32 { big_endian: false },
            Some(Encoding::Utf32Be) => Kind::Utf32 { big_endian: true },
            Some(Encoding::Latin1) => Kind::Latin1,
            Some(Encoding::Legacy(encoding)) => Kind::Legacy(encoding),
        }
    }

    /// By a byte order mark, or else by where the zeros are: JSON begins with two characters
    /// of ASCII (RFC 4627, 3), and has no character of the number zero.
    fn detect(head: &[u8]) -> Kind {
        const WIDE: [Kind; 4] = [
            Kind::Utf32 { big_endian: false },
            Kind::Utf32 { big_endian: true },
            Kind::Utf16 { big_endian: false },
            Kind::Utf16 { big_endian: true },
        ];
        let marked = WIDE.into_iter().find(|kind| head.starts_with(kind.byte_order_mark()));
        marked.or_else(|| WIDE.into_iter().find(|kind| kind.has_its_zeros(head))).unwrap_or(Kind::Utf8)
    }

    /// Whether the units of `head` are such as text of that encoding has: no unit is zero, the
    /// first two and a third of all are ASCII, and none is beyond Unicode.
    fn has_its_zeros(self, head: &[u8]) -> bool {
        let (width, big_endian) = match self {
            Kind::Utf16 { big_endian } => (2, big_endian),
            Kind::Utf32 { big_endian } => (4, big_endian),
            _ => return false,
        };
        let units = head.chunks_exact(width).map(|unit| {
            let number = |number: u32, &byte: &u8| number << 8 | u32::from(byte);
            if big_endian { unit.iter().fold(0, number) } else { unit.iter().rev().fold(0, number) }
        });
        let (mut all, mut ascii) = (0, 0);
        for unit in units {
            let is_ascii = (1..0x80).contains(&unit);
            if unit == 0 || unit > 0x10_ffff || (all < 2 && !is_ascii) {
                return false;
            }
            all += 1;
            ascii += usize::from(is_ascii);
        }
        all >= 2 && ascii * 3 >= all
    }

    /// What text in that encoding may begin with.
    pub fn byte_order_mark(self) -> &'static [u8] {
        match self {
            Kind::Utf8 => b"\xef\xbb\xbf",
            Kind::Utf16 { big_endian: false } => b"\xff\xfe",
            Kind::Utf16 { big_endian: true } => b"\xfe\xff",
            Kind::Utf32 { big_endian: false } => b"\xff\xfe\0\0",
            Kind::Utf32 { big_endian: true } => b"\0\0\xfe\xff",
            Kind::Latin1 | Kind::Legacy(_) => b"",
        }
    }

    /// The encoding by its name.
    pub fn encoding(self) -> Encoding {
        match self {
            Kind::Utf8 => Encoding::Utf8,
            Kind::Utf16 { big_endian: false } => Encoding::Utf16Le,
            Kind::Utf16 { big_endian: true } => Encoding::Utf16Be,
            Kind::Utf32 { big_endian: false } => Encoding::Utf32Le,
            Kind::Utf32 { big_endian: true } => Encoding::Utf32Be,
            Kind::Latin1 => Encoding::Latin1,
            Kind::Legacy(encoding) => Encoding::Legacy(encoding),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_encoding_standard_and_of_postgresql() {
        for (label, name) in [
            ("UTF-8", "utf-8"),
            ("unicode-1-1-utf-8", "utf-8"),
            ("utf-16", "utf-16"),
            ("UTF-16BE", "utf-16be"),
            ("utf-32le", "utf-32le"),
            ("LATIN1", "latin1"),
            ("iso-8859-1", "latin1"),
            ("windows-1252", "windows-1252"),
            ("cp1252", "windows-1252"),
            ("sjis", "Shift_JIS"),
            ("gbk", "GBK"),
        ] {
            assert_eq!(Encoding::of_label(label.as_bytes()).map(Encoding::name), Some(name), "{label}");
        }
        for label in ["", "auto", "utf-7", "iso-2022-kr", "latin1\0"] {
            assert_eq!(Encoding::of_label(label.as_bytes()), None, "{label}");
        }
    }
}
