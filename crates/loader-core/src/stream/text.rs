//! Text in any encoding, as UTF-8. What is no text in its encoding becomes bytes that are no
//! UTF-8: a record with such is bad, and not one with another character in its place.

use super::encoding::{Encoding, Kind};
use super::members::Piece;
use super::{Bytes, Error, Source};
use crate::memory;

/// Bytes of the text that are decoded at a time.
const RAW: usize = 16 * 1024;

/// In UTF-8, a text takes at most this many times the bytes that it has in any other encoding.
const GROWTH: usize = 3;

/// Room for what a decoder has kept of earlier bytes.
const KEPT: usize = 64;

/// The encoding is told from this many bytes.
const HEAD: usize = 64;

/// A byte that is nowhere in UTF-8.
const NO_TEXT: u8 = 0xff;

pub(super) struct Text {
    kind: Kind,
    raw: Part,
    /// `None`: it is UTF-8, and handed out as it is.
    decoder: Option<Decoder>,
    decoded: Part,
    /// Whether there are no more bytes beneath.
    ended: bool,
    /// Whether the decoder knows.
    finished: bool,
}

/// Bytes, some of them used.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Part {
    fn left(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn hand_out(&mut self, buf: &mut [u8]) -> usize {
        let n = buf.len().min(self.end - self.start);
        buf[..n].copy_from_slice(&self.left()[..n]);
        self.start += n;
        n
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }
}

impl Text {
    /// Looks at the first bytes.
    pub fn new<S: Source>(source: &mut Bytes<S>, encoding: Option<Encoding>) -> Result<Self, Error> {
        let mut raw = Part { bytes: memory::filled(RAW, 0)?, start: 0, end: 0 };
        let mut ended = false;
        while raw.end < HEAD && !ended {
            match source.read(&mut raw.bytes[raw.end..])? {
                Piece::Bytes(n) => raw.end += n,
                Piece::Seam => raw.put(b"\n"),
                Piece::End => ended = true,
            }
        }
        let kind = Kind::of(encoding, &raw.bytes[..raw.end.min(HEAD)]);
        let decoder = Decoder::of(kind);
        let mut decoded = Part::default();
        if decoder.is_some() {
            decoded.bytes = memory::filled(GROWTH * RAW + KEPT, 0)?;
            if raw.left().starts_with(kind.byte_order_mark()) {
                raw.start = kind.byte_order_mark().len();
            }
        }
        Ok(Text { kind, raw, decoder, decoded, ended, finished: false })
    }

    pub fn encoding(&self) -> Encoding {
        self.kind.encoding()
    }

    pub fn is_utf8(&self) -> bool {
        self.decoder.is_none()
    }

    /// Passes over bytes that are at hand, and says how many they were. Of UTF-8 alone.
    pub fn skip(&mut self, bytes: u64) -> u64 {
        let held = bytes.min(self.raw.left().len() as u64);
        self.raw.start += held as usize;
        held
    }

    pub fn read<S: Source>(&mut self, source: &mut Bytes<S>, buf: &mut [u8]) -> Result<usize, Error> {
        let Some(decoder) = &mut self.decoder else {
            if !self.raw.left().is_empty() {
                return Ok(self.raw.hand_out(buf));
            }
            return match source.read(buf)? {
                Piece::Bytes(n) => Ok(n),
                Piece::Seam => {
                    buf[0] = b'\n';
                    Ok(1)
                }
                Piece::End => Ok(0),
            };
        };
        loop {
            if !self.decoded.left().is_empty() {
                return Ok(self.decoded.hand_out(buf));
            }
            (self.decoded.start, self.decoded.end) = (0, 0);
            if !self.raw.left().is_empty() {
                let used = decoder.decode(&self.raw.bytes[self.raw.start..self.raw.end], &mut self.decoded);
                self.raw.start += used;
                continue;
            }
            (self.raw.start, self.raw.end) = (0, 0);
            if self.ended {
                if self.finished {
                    return Ok(0);
                }
                decoder.finish(&mut self.decoded);
                self.finished = true;
                continue;
            }
            match source.read(&mut self.raw.bytes)? {
                Piece::Bytes(n) => self.raw.end = n,
                Piece::Seam => {
                    decoder.finish(&mut self.decoded);
                    self.decoded.put(b"\n");
                }
                Piece::End => self.ended = true,
            }
        }
    }
}

/// From an encoding to UTF-8, whatever the pieces that the text comes in.
enum Decoder {
    Units(Units),
    Latin1,
    Legacy(&'static encoding_rs::Encoding, encoding_rs::Decoder),
}

/// UTF-16 or UTF-32.
struct Units {
    /// Bytes of a unit.
    width: usize,
    big_endian: bool,
    /// The first bytes of a unit that is not whole.
    part: [u8; 4],
    held: usize,
    /// A high surrogate that may be followed by a low one.
    high: Option<u16>,
}

impl Decoder {
    fn of(kind: Kind) -> Option<Decoder> {
        let units = |width, big_endian| {
            Some(Decoder::Units(Units { width, big_endian, part: [0; 4], held: 0, high: None }))
        };
        match kind {
            Kind::Utf8 => None,
            Kind::Utf16 { big_endian } => units(2, big_endian),
            Kind::Utf32 { big_endian } => units(4, big_endian),
            Kind::Latin1 => Some(Decoder::Latin1),
            Kind::Legacy(encoding) => {
                Some(Decoder::Legacy(encoding, encoding.new_decoder_without_bom_handling()))
            }
        }
    }

    /// Decodes as much of `raw` as there is room for behind `to`, and says how much that was.
    fn decode(&mut self, raw: &[u8], to: &mut Part) -> usize {
        match self {
            Decoder::Units(units) => units.decode(raw, to),
            Decoder::Latin1 => {
                for &byte in raw {
                    match byte {
                        0..0x80 => to.put(&[byte]),
                        _ => to.put(&[0xc0 | byte >> 6, 0x80 | byte & 0x3f]),
                    }
                }
                raw.len()
            }
            Decoder::Legacy(_, decoder) => decode_legacy(decoder, raw, to, false),
        }
    }

    /// The text ends, or breaks off. What comes after it begins anew.
    fn finish(&mut self, to: &mut Part) {
        match self {
            Decoder::Units(units) => units.finish(to),
            Decoder::Latin1 => {}
            Decoder::Legacy(encoding, decoder) => {
                decode_legacy(decoder, b"", to, true);
                *decoder = encoding.new_decoder_without_bom_handling();
            }
        }
    }
}

fn decode_legacy(decoder: &mut encoding_rs::Decoder, raw: &[u8], to: &mut Part, last: bool) -> usize {
    let mut used = 0;
    loop {
        let room = to.bytes.len() - 1;
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(&raw[used..], &mut to.bytes[to.end..room], last);
        used += read;
        to.end += written;
        match result {
            encoding_rs::DecoderResult::Malformed(..) => to.put(&[NO_TEXT]),
            encoding_rs::DecoderResult::InputEmpty | encoding_rs::DecoderResult::OutputFull => return used,
        }
        // The byte of what is malformed needs room too.
        if to.end + KEPT > to.bytes.len() {
            return used;
        }
    }
}

impl Units {
    fn decode(&mut self, raw: &[u8], to: &mut Part) -> usize {
        let mut used = 0;
        if self.held > 0 {
            used = raw.len().min(self.width - self.held);
            self.part[self.held..self.held + used].copy_from_slice(&raw[..used]);
            self.held += used;
            if self.held < self.width {
                return used;
            }
            self.held = 0;
            let unit = self.part;
            self.unit(&unit[..self.width], to);
        }
        let rest = &raw[used..];
        let whole = rest.len() - rest.len() % self.width;
        for unit in rest[..whole].chunks_exact(self.width) {
            self.unit(unit, to);
        }
        self.held = rest.len() - whole;
        self.part[..self.held].copy_from_slice(&rest[whole..]);
        raw.len()
    }

    #[inline]
    fn unit(&mut self, unit: &[u8], to: &mut Part) {
        let number = if self.big_endian {
            unit.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
        } else {
            unit.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
        };
        if self.width == 4 {
            return put_code_point(number, to);
        }
        match (self.high.take(), number) {
            (Some(high), 0xdc00..0xe000) => {
                put_code_point(0x10000 + ((u32::from(high) - 0xd800) << 10) + (number - 0xdc00), to);
            }
            (high, number) => {
                if let Some(high) = high {
                    put_code_point(u32::from(high), to);
                }
                match number {
                    0xd800..0xdc00 => self.high = Some(number as u16),
                    _ => put_code_point(number, to),
                }
            }
        }
    }

    fn finish(&mut self, to: &mut Part) {
        if let Some(high) = self.high.take() {
            put_code_point(u32::from(high), to);
        }
        if self.held > 0 {
            to.put(&[NO_TEXT]);
            self.held = 0;
        }
    }
}

/// A code point; half of a surrogate pair as three bytes that are no UTF-8.
#[inline]
fn put_code_point(number: u32, to: &mut Part) {
    let tail = |shift: u32| 0x80 | (number >> shift & 0x3f) as u8;
    match number {
        0..0x80 => to.put(&[number as u8]),
        0x80..0x800 => to.put(&[0xc0 | (number >> 6) as u8, tail(0)]),
        0x800..0x10000 => to.put(&[0xe0 | (number >> 12) as u8, tail(6), tail(0)]),
        0x10000..0x110000 => to.put(&[0xf0 | (number >> 18) as u8, tail(12), tail(6), tail(0)]),
        _ => to.put(&[NO_TEXT]),
    }
}
