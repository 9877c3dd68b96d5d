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
