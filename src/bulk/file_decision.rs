//! Decides whether a file is to be loaded, and from where on. Its content is compared with that
//! of earlier loads, under locks that keep others from deciding the same.

use super::call_context::CallContext;
use crate::access;
use crate::catalog::{Catalog, Claimed, Earlier, Kin, Past, turn};
use crate::error::Error;
use crate::load::{Decision, FileSource, Fronts, IfLoaded, Same, StartPoint, decide, known_by_stat, loaded};
use crate::pg::processes::lock::{Held, Object};
use crate::pg::strings::text;
use crate::pg::{self, Oid};

/// What is in the way of a file.
#[derive(Clone, Copy)]
pub enum Obstacle {
    /// Somebody is at its content or its path.
    Claim(Claimed),
    /// A `load_json_file` of a file of this size is under way.
    Turn(u64),
    /// Somebody is at what an earlier load has loaded, which is to be replaced.
    Replaced { path: Claimed, content: Option<Claimed> },
}

impl Obstacle {
    /// Whether it has gone.
    pub fn has_gone(self, catalog: &Catalog, target: Oid) -> bool {
        match self {
            Obstacle::Claim(what) => catalog.try_claim(target, &what).map(Held::let_go).is_some(),
            Obstacle::Turn(size) => catalog.try_share_turn(target, size),
            Obstacle::Replaced { path, content } => {
                Obstacle::Claim(path).has_gone(catalog, target)
                    && content.is_none_or(|content| Obstacle::Claim(content).has_gone(catalog, target))
            }
        }
    }

    /// What is in the way of replacing what a load brought.
    pub fn replaced(past: &Past) -> Self {
        let (path, content) = past.claims();
        Obstacle::Replaced { path, content }
    }

    /// The locks that those who are in the way hold, and whether they are at the same file or at
    /// one of the same size.
    pub fn objects(self, target: Oid) -> (Vec<Object>, Same) {
        match self {
            Obstacle::Claim(what) => (vec![what.object(target)], Same::File),
            Obstacle::Turn(size) => (vec![turn(target, size)], Same::Size),
            Obstacle::Replaced { path, content } => {
                let claims = [Some(path), content].into_iter().flatten();
                (claims.map(|what| what.object(target)).collect(), Same::File)
            }
        }
    }
}

/// What is to be done with a file.
pub enum FileDecision {
    /// Nothing for now: the file is looked at again later.
    Busy(Obstacle),
    /// Nothing: that load had its content.
    Skip(i64),
    /// Nothing, though it is not what it was when that load began.
    Changed(i64),
    /// Nothing, and that is an error: that load had its content, or, where it has
    /// `changed`, not the content that it has now.
    Refused { load_id: i64, changed: bool },
    /// It is to be loaded.
    Load(Box<LoadPlan>),
}

/// A file that is to be loaded.
pub struct LoadPlan {
    pub source: FileSource,
    pub hash: [u8; 32],
    pub claims: Claims,
    pub begin: StartPoint,
}

/// What keeps others from loading the same: its path is claimed first, so that the
/// file cannot grow in between, then its content, which others may have by another
/// name.
pub struct Claims {
    _path: Held,
    _content: Held,
}

/// A file that nobody else loads under this path meanwhile.
pub struct ClaimedFile {
    source: FileSource,
    path_claim: Claimed,
    claim: Held,
    /// Lengths whose hashes are asked for, that of the file among them, in order; and
    /// the hashes of those that were read.
    lengths: Vec<u64>,
    hashes: Vec<Option<[u8; 32]>>,
}

/// What came of opening a file.
pub enum OpenOutcome {
    /// What is to be done with it is decided.
    Decided(FileDecision),
    /// The file is open, and too large to be hashed in a transaction.
    ClaimedFile(Box<ClaimedFile>),
}

/// Opens a file and decides what is to be done with it. What costs little is asked before the
/// file is read.
pub fn open_and_decide(
    catalog: &Catalog,
    context: &CallContext<'_>,
    path: &[u8],
    is_large: fn(u64) -> bool,
) -> Result<OpenOutcome, Error> {
    if !text::is_valid(path) {
        return Err(Error::PathEncoding(text::show(path)));
    }
    let target = context.target.oid;
    let path_claim = Claimed::Path(*blake3::hash(path).as_bytes());
    let Some(claim) = catalog.try_claim(target, &path_claim) else {
        return Ok(OpenOutcome::Decided(FileDecision::Busy(Obstacle::Claim(path_claim))));
    };
    let source = FileSource::new(access::open(path)?);
    let size = source.opened().size();
    if !catalog.try_share_turn(target, size) {
        claim.let_go();
        return Ok(OpenOutcome::Decided(FileDecision::Busy(Obstacle::Turn(size))));
    }
    let if_loaded = context.options.if_loaded;
    let mut opened = ClaimedFile { source, path_claim, claim, lengths: vec![size], hashes: Vec::new() };
    // What the call has not skipped when it began is seldom known by its stat: to ask for
    // that pays where reading takes long.
    if is_large(size) || if_loaded == IfLoaded::Error {
        let stat = opened.source.opened().stat();
        let of_path = catalog.earlier(&context.content(size), None, Some(path), Some(stat), if_loaded.kin());
        if let Some(known) = known_by_stat(&of_path).filter(|_| if_loaded != IfLoaded::Force) {
            opened.claim.let_go();
            return Ok(OpenOutcome::Decided(match loaded(known, if_loaded) {
                Decision::Refused { load_id, changed } => FileDecision::Refused { load_id, changed },
                _ => FileDecision::Skip(known),
            }));
        }
        opened.expect_growth(&of_path);
    }
    if is_large(size) {
        return Ok(OpenOutcome::ClaimedFile(Box::new(opened)));
    }
    decide_file(catalog, context, opened).map(OpenOutcome::Decided)
}

impl ClaimedFile {
    /// Has the file hashed up to where it ended when it was loaded, too: it may have
    /// grown since.
    fn expect_growth(&mut self, of_path: &[Earlier]) {
        let size = self.size();
        self.lengths.extend(of_path.iter().filter_map(|load| load.size).filter(|&length| length < size));
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    /// Where several loads may have been of an earlier state of the file: reads it once for all of them.
    fn hash_again(&mut self, earlier: &[Earlier]) -> Result<(), Error> {
        let known = self.hashes.len();
        self.expect_growth(earlier);
        // The hashes go by the places of their lengths.
        if self.lengths.len() > known.max(2) || (known > 0 && self.lengths.len() > known) {
            self.hash(|| {})?;
        }
        Ok(())
    }

    /// Hashes the file. Needs no transaction; calls `pause` now and then.
    pub fn hash(&mut self, pause: impl FnMut()) -> Result<(), Error> {
        self.hashes = self.source.hashes_of_fronts(&self.lengths, pause)?;
        Ok(())
    }

    /// Locks in a transaction what the one locked in which the file was opened; what is
    /// in the way, if anything is.
    pub fn lock_again(&self, catalog: &Catalog, context: &CallContext<'_>) -> Option<Obstacle> {
        let (target, size) = (context.target.oid, self.size());
        if !catalog.try_guard_claim(target, &self.path_claim) {
            Some(Obstacle::Claim(self.path_claim))
        } else if !catalog.try_share_turn(target, size) {
            Some(Obstacle::Turn(size))
        } else {
            None
        }
    }
}

/// Decides what is to be done with a file that is open.
pub fn decide_file(
    catalog: &Catalog,
    context: &CallContext<'_>,
    mut opened: ClaimedFile,
) -> Result<FileDecision, Error> {
    let target = context.target.oid;
    let size = opened.size();
    let Some(hash) = opened.hash_of_front(size)? else {
        return Err(Error::Changed(opened.source.opened().shown.clone()));
    };
    let content_claim = Claimed::Content(hash);
    let Some(content) = catalog.try_claim(target, &content_claim) else {
        opened.claim.let_go();
        return Ok(FileDecision::Busy(Obstacle::Claim(content_claim)));
    };
    let (path, stat) = (opened.source.opened().path.clone(), *opened.source.opened().stat());
    let kin = context.options.if_loaded.kin();
    let earlier = catalog.earlier(&context.content(size), Some(&hash), Some(&path), Some(&stat), kin);
    if kin == Kin::LookUp {
        opened.hash_again(&earlier)?;
    }
    let mut vain = vain_attempts(&earlier);
    let forget = |loads: &[&Earlier]| {
        let loads: Vec<i64> = loads.iter().map(|load| load.id).collect();
        catalog.mark_undone(&loads)
    };
    let decision = match decide(catalog, context.options.if_loaded, &mut opened, &hash, &earlier)? {
        Decision::Skip(id) => {
            forget(&vain)?;
            let same_path = earlier.iter().any(|load| load.id == id && load.same_path);
            let kept = context.stat_to_keep(&stat);
            if same_path && kept.is_settled() {
                catalog.learn_stat(id, &kept)?;
            }
            FileDecision::Skip(id)
        }
        Decision::Changed(id) => FileDecision::Changed(id),
        Decision::Refused { load_id, changed } => FileDecision::Refused { load_id, changed },
        Decision::Load(mut begin) => {
            if begin.resumes.is_none() {
                // A failed attempt has a row already, if it was the same and to begin there.
                let begins_there = |load: &&&Earlier| {
                    load.start_offset == begin.position.offset && load.builds_on == begin.needs()
                };
                let there: Vec<i64> = vain.iter().filter(begins_there).map(|load| load.id).collect();
                let row = context.row(0, &path, size, pg::now(), begin.position.offset);
                begin.resumes = catalog.same_attempt(&row, &there);
                vain.retain(|load| begin.resumes != Some(load.id));
                forget(&vain)?;
            }
            let claims = Claims { _path: opened.claim, _content: content };
            return Ok(FileDecision::Load(Box::new(LoadPlan { source: opened.source, hash, claims, begin })));
        }
    };
    // Nothing is to be loaded: others may look at once.
    opened.claim.let_go();
    content.let_go();
    Ok(decision)
}

impl Fronts for ClaimedFile {
    fn size(&self) -> u64 {
        self.source.opened().size()
    }

    fn hash_of_front(&mut self, length: u64) -> Result<Option<[u8; 32]>, Error> {
        match self.lengths.binary_search(&length) {
            Ok(index) if index < self.hashes.len() => Ok(self.hashes[index]),
            _ => self.source.hash_of_front(length),
        }
    }
}

/// The loads that failed before they brought anything, of the file's path.
fn vain_attempts(earlier: &[Earlier]) -> Vec<&Earlier> {
    earlier.iter().filter(|load| load.same_path && load.is_vain()).collect()
}
