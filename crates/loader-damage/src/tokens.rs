//! The tokens of a good record: where damage can be done.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// A string before a colon.
    Key,
    /// Any other string.
    Text,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) at: usize,
    pub(crate) end: usize,
}

/// The tokens of valid JSON.
pub(crate) fn tokens(bytes: &[u8]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, length) = match bytes[at] {
            b'{' => (Kind::OpenBrace, 1),
            b'}' => (Kind::CloseBrace, 1),
            b'[' => (Kind::OpenBracket, 1),
            b']' => (Kind::CloseBracket, 1),
            b',' => (Kind::Comma, 1),
            b':' => {
                if let Some(key) = tokens.last_mut() {
                    key.kind = Kind::Key;
                }
                (Kind::Colon, 1)
            }
            b'"' => (Kind::Text, string_length(&bytes[at..])),
            b'-' | b'0'..=b'9' => (Kind::Number, run(&bytes[at..], |b| b"+-.eE0123456789".contains(&b))),
            b'a'..=b'z' => (Kind::Word, run(&bytes[at..], |b| b.is_ascii_lowercase())),
            _ => {
                at += 1;
                continue;
            }
        };
        tokens.push(Token { kind, at, end: at + length });
        at += length;
    }
    tokens
}

fn run(bytes: &[u8], of: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| of(**b)).count()
}

fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// Whether a value could go on behind this head of a valid record: it ends in
/// an array or behind a colon, where a value is due.
pub(crate) fn value_due(head: &[u8]) -> bool {
    let mut open = Vec::new();
    let mut last = b' ';
    let mut at = 0;
    while at < head.len() {
        match head[at] {
            b'"' => {
                at += 1;
                while at < head.len() && head[at] != b'"' {
                    at += if head[at] == b'\\' { 2 } else { 1 };
                }
                if at >= head.len() {
                    return false;
                }
            }
            b @ (b'{' | b'[') => open.push(b),
            b'}' | b']' => {
                open.pop();
            }
            _ => {}
        }
        if !head[at].is_ascii_whitespace() {
            last = head[at];
        }
        at += 1;
    }
    matches!(last, b':' | b'[') || (last == b',' && open.last() == Some(&b'['))
}
