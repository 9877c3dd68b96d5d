//! A compressed file, member by member: what lies between them and behind the last is passed
//! over, and where a member is hurt, the next one that can be found is read on.

use super::block::Block;
use super::codec::{Codec, ZSTD_HEADER};
use super::format::{Compression, FileKind, is_bzip2};
use super::step::{Fault, Outcome};
use super::{Error, OnCorrupt, Options, Source};
use memchr::memmem;

/// A stream may not grow by more than this factor once it is past
/// [`RATIO_GRACE`]: deflate cannot do better than 1,032, and zstd does so only
/// on input that is one repeated record.
const MAX_RATIO: u64 = 2_000;

/// Decompressed bytes up to which no ratio is looked at.
const RATIO_GRACE: u64 = 256 * 1024 * 1024;

/// What may be a member is tried: it is one if its first bytes, this many at most, …
const TRIED: usize = 32 * 1024;

/// … can be decompressed to this many.
const SHOWN: usize = 4 * 1024;

/// No program writes a larger window than this, bytes.
const LARGEST_WINDOW: u64 = 1 << 31;

/// A member that is cut off takes some of the next one for its own before that shows. So many
/// bytes are looked at again: more than a block of the format.
fn look_back(compression: Compression) -> usize {
    match compression {
        Compression::Lz4 => 5 << 20,
        _ => 1 << 20,
    }
}

/// What was found wrong with a compressed file that was read nevertheless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes of the file between its members, before the first and behind the last.
    pub passed_over: u64,
    /// Members that are damaged or cut off.
    pub hurt: u64,
    /// Bytes of those, of which nothing could be decompressed. To within a block of the format: a
    /// decoder does not say where in it the fault is.
    pub lost: u64,
}

/// What came of reading.
pub(super) enum Piece {
    /// So many bytes.
    Bytes(usize),
    /// A member broke off, and what comes next is of another one.
    Seam,
    /// There are no more.
    End,
}

enum Place {
    /// Before the first member.
    Front,
    /// Before another one, or the end.
    Border,
    /// In one.
    Inside(Codec),
    /// Behind the place where one was found to be hurt.
    Hurt,
    /// Behind all.
    End,
}

pub(super) struct Members<S: Source> {
    pub block: Block<S>,
    compression: Compression,
    options: Options,
    place: Place,
    /// The decoder of the member before, to be used again.
    spare: Option<Codec>,
    /// Where the member begins that was read last; `None` before the first.
    member: Option<u64>,
    produced: u64,
    damage: Damage,
}

impl<S: Source> Members<S> {
    pub fn new(mut block: Block<S>, compression: Compression, options: &Options) -> Result<Self, Error> {
        if options.on_corrupt == OnCorrupt::Salvage {
            block.keep(look_back(compression))?;
        }
        Ok(Members {
            block,
            compression,
            options: *options,
            place: Place::Front,
            spare: None,
            member: None,
            produced: 0,
            damage: Damage::default(),
        })
    }

    pub fn damage(&self) -> Damage {
        self.damage
    }

    /// Reads on.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<Piece, Error> {
        loop {
            // A decoder may make much from little without a read beneath it.
            self.block.source.poll()?;
            match &mut self.place {
                Place::Front => self.front()?,
                Place::Border => self.border()?,
                Place::Inside(codec) => {
                    let at_end = self.block.want(1)?.is_empty();
                    let step = codec.step(self.block.bytes(), buf);
                    self.block.consume(step.read);
                    self.produced += step.written as u64;
                    if self.produced > RATIO_GRACE && self.produced / MAX_RATIO > self.block.position() {
                        return Err(Error::Bomb(self.compression));
                    }
                    match step.outcome {
                        Outcome::Ended => {
                            if let Place::Inside(codec) = std::mem::replace(&mut self.place, Place::Border) {
                                self.spare = Some(codec);
                            }
                        }
                        Outcome::Fault(Fault::Corrupt) => self.hurt(Error::Corrupt(self.compression))?,
                        Outcome::Fault(fault) => return Err(self.explain(fault)),
                        Outcome::More if step.read > 0 || step.written > 0 => {}
                        Outcome::More if at_end => self.hurt(Error::CutOff(self.compression))?,
                        Outcome::More => self.hurt(Error::Corrupt(self.compression))?,
                    }
                    if step.written > 0 {
                        return Ok(Piece::Bytes(step.written));
                    }
                }
                Place::Hurt => {
                    if self.resume()? && self.produced > 0 {
                        return Ok(Piece::Seam);
                    }
                }
                Place::End => return Ok(Piece::End),
            }
        }
    }

    fn explain(&self, fault: Fault) -> Error {
        match fault {
            Fault::Corrupt => Error::Corrupt(self.compression),
            Fault::Window { needed, max } => Error::Window { compression: self.compression, needed, max },
            Fault::OutOfMemory(bytes) => Error::OutOfMemory(bytes),
        }
    }

    /// The member is damaged or cut off.
    fn hurt(&mut self, error: Error) -> Result<(), Error> {
        match self.options.on_corrupt {
            OnCorrupt::Stop => Err(error),
            OnCorrupt::Salvage => {
                self.damage.hurt += 1;
                self.place = Place::Hurt;
                Ok(())
            }
        }
    }

    /// The first member: it begins where the file does, or that is hurt.
    fn front(&mut self) -> Result<(), Error> {
        let head = self.block.want(ZSTD_HEADER)?;
        if self.compression.starts(head) {
            self.begin()
        } else if head.is_empty() {
            self.hurt(Error::CutOff(self.compression))
        } else {
            self.hurt(Error::Corrupt(self.compression))
        }
    }

    /// Begins with the member that begins here.
    fn begin(&mut self) -> Result<(), Error> {
        self.member = Some(self.block.position());
        let head = self.block.want(ZSTD_HEADER)?;
        let codec = match self.spare.take() {
            Some(codec) => codec.renew(self.compression, head, &self.options),
            None => Codec::new(self.compression, head, &self.options),
        };
        self.place = Place::Inside(codec.map_err(|fault| self.explain(fault))?);
        Ok(())
    }

    /// Behind a member: another one, or what is passed over up to the next or to the end.
    fn border(&mut self) -> Result<(), Error> {
        let from = self.block.position();
        let zeros = self.skip_zeros()?;
        let head = self.block.want(ZSTD_HEADER)?;
        let ends = head.is_empty();
        if ends || self.compression.starts(head) {
            // Streams of xz may be padded with zeros.
            if self.compression != Compression::Xz || zeros % 4 != 0 {
                self.damage.passed_over += zeros;
            }
            if ends {
                self.place = Place::End;
                return Ok(());
            }
            return self.begin();
        }
        let found = self.search()?;
        self.damage.passed_over += self.block.position() - from;
        if found {
            return self.begin();
        }
        self.place = Place::End;
        Ok(())
    }

    fn skip_zeros(&mut self) -> Result<u64, Error> {
        let mut skipped = 0;
        loop {
            let bytes = self.block.want(1)?;
            let zeros = bytes.iter().take_while(|&&b| b == 0).count();
            let all = !bytes.is_empty() && zeros == bytes.len();
            self.block.consume(zeros);
            skipped += zeros as u64;
            if !all {
                return Ok(skipped);
            }
            self.block.source.poll()?;
        }
    }

    /// Goes on with the next member behind one that is hurt. Says whether there is one.
    fn resume(&mut self) -> Result<bool, Error> {
        let at = self.block.position();
        if let Some(member) = self.member {
            self.block.go_back_to(member + 1);
        }
        let found = self.search()?;
        if !found && self.member.is_none() && at < self.block.position() {
            return Err(Error::NotCompressed { asked: self.compression, found: FileKind::Other });
        }
        self.damage.lost += self.block.position().saturating_sub(at);
        if found {
            self.begin()?;
        } else {
            self.place = Place::End;
        }
        Ok(found)
    }

    /// Passes over all up to the next member, or up to the end.
    fn search(&mut self) -> Result<bool, Error> {
        let finder = memmem::Finder::new(self.compression.magic());
        loop {
            self.block.source.poll()?;
            let bytes = self.block.want(TRIED)?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let Some(at) = finder.find(bytes) else {
                // The first bytes of a member may lie at the end of those at hand.
                let rest = if bytes.len() < TRIED { 0 } else { self.compression.magic().len() - 1 };
                let passed = bytes.len() - rest;
                self.block.consume(passed);
                continue;
            };
            self.block.consume(at);
            let bytes = self.block.want(TRIED)?;
            if is_plausible(self.compression, bytes) && self.decodes()? {
                return Ok(true);
            }
            self.block.consume(1);
        }
    }

    /// Whether what begins here can be decoded as a member, as far as it is tried.
    fn decodes(&self) -> Result<bool, Error> {
        let bytes = self.block.bytes();
        let mut bytes = &bytes[..bytes.len().min(TRIED)];
        let mut codec = match Codec::new(self.compression, bytes, &self.options) {
            Ok(codec) => codec,
            Err(Fault::Corrupt) => return Ok(false),
            Err(Fault::Window { needed: Some(needed), .. }) if needed > LARGEST_WINDOW => return Ok(false),
            Err(fault) => return Err(self.explain(fault)),
        };
        let mut shown = 0;
        let mut buf = [0; SHOWN];
        while shown < SHOWN {
            let step = codec.step(bytes, &mut buf);
            bytes = &bytes[step.read..];
            shown += step.written;
            match step.outcome {
                Outcome::Ended => return Ok(true),
                Outcome::Fault(Fault::OutOfMemory(size)) => return Err(Error::OutOfMemory(size)),
                Outcome::Fault(_) => return Ok(false),
                Outcome::More if step.read == 0 && step.written == 0 => return Ok(bytes.is_empty()),
                Outcome::More => {}
            }
        }
        Ok(true)
    }
}

/// Whether the header of a member looks like one that programs write. Three bytes of gzip are
/// found every 16 MB where there are none.
fn is_plausible(compression: Compression, head: &[u8]) -> bool {
    match (compression, head) {
        (Compression::Gzip, &[_, _, _, flags, _, _, _, _, extra, system, ..]) => {
            flags & 0xe0 == 0 && matches!(extra, 0 | 2 | 4) && (system <= 13 || system == 255)
        }
        (Compression::Bzip2, _) => head.len() >= 10 && compression.starts(head) && is_bzip2(head),
        (Compression::Gzip, _) => false,
        _ => head.len() >= ZSTD_HEADER || compression != Compression::Zstd,
    }
}
