//! What the columns of a table take, and which field goes to which of them.

use crate::encode::values::NativeType;
use crate::fault::Mismatch;
use crate::infer::snake_case;
use crate::memory::{self, OutOfMemory};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// So many names of fields that no column takes are kept, to be shown, …
const SHOWN: usize = 20;

/// … and so many bytes of each, as of all names that are shown.
const SHOWN_BYTES: usize = 64;

/// How the value of a field becomes that of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// It is made here where it has a plain form; the type's input function is asked otherwise.
    Native(NativeType),
    /// jsonb.
    Jsonb,
    /// json, which keeps the text.
    Json,
    /// The type's input function takes the text.
    Input,
    /// The type's input function takes the JSON value, strings with their quotes.
    JsonInput,
    /// The server converts the JSON value: to arrays and composite types.
    Populate,
}

/// A column that takes a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its name, in UTF-8.
    pub name: String,
    /// The name of the field that the column was made for, if it is known.
    pub original: Option<String>,
    /// What becomes of a value.
    pub conversion: Conversion,
}

/// How fields find their columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchColumns {
    /// By name; else ignoring case; else as snake_case.
    Auto,
    /// By name.
    Exact,
    /// The first field goes to the first column, and so on. For delimited text only.
    Position,
}

/// What becomes of a field that no column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The column of this index, which is of type jsonb, takes all of them as an object.
    Rescue(usize),
    /// Nothing.
    Ignore,
    /// The stream fails.
    Fail,
}

/// The way from a record to a field: the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(pub Vec<String>);

/// A field that is given to a column by the caller, or dropped on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The field.
    pub path: Path,
    /// The index of the column; `None` where it is dropped.
    pub column: Option<usize>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// Two of the mappings have this path.
    PathTwice(usize),
    /// Two of the mappings have this column.
    ColumnTwice(usize),
    /// There was not so much memory.
    OutOfMemory(OutOfMemory),
}

impl From<OutOfMemory> for PlanError {
    fn from(error: OutOfMemory) -> Self {
        PlanError::OutOfMemory(error)
    }
}

/// Why a field was not matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchError {
    /// The field, and what is wrong.
    Mismatch(Mismatch),
    /// There was not so much memory.
    OutOfMemory(OutOfMemory),
}

impl From<OutOfMemory> for MatchError {
    fn from(error: OutOfMemory) -> Self {
        MatchError::OutOfMemory(error)
    }
}

/// Where a field goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    /// The column that takes it.
    pub column: Option<usize>,
    /// The node of the fields within it that go to columns.
    pub inner: Option<usize>,
    /// No column takes it or anything in it, and nobody has dropped it.
    pub is_unknown: bool,
}

/// Fields that are mapped by their paths, one key further.
#[derive(Debug, Default)]
struct Node {
    children: Vec<(String, Child)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Child {
    /// What it is mapped to, if it is mapped itself.
    mapped: Option<Option<usize>>,
    inner: Option<usize>,
}

/// The plan. Threads share it.
#[derive(Debug)]
pub struct Columns {
    columns: Vec<TargetColumn>,
    match_columns: MatchColumns,
    unknown: Unknown,
    /// The first one is that of the record.
    nodes: Vec<Node>,
    /// The columns that can be found by name.
    by_name: Vec<bool>,
    /// The field that was given to each column by its name.
    taken: Mutex<Vec<Option<String>>>,
    ignored: Mutex<Vec<String>>,
    /// There was such a field.
    any_ignored: AtomicBool,
}

impl Columns {
    /// A plan for these columns.
    pub fn new(
        columns: Vec<TargetColumn>,
        match_columns: MatchColumns,
        unknown: Unknown,
        mappings: &[Mapping],
    ) -> Result<Self, PlanError> {
        let mut nodes = Vec::new();
        memory::push(&mut nodes, Node::default())?;
        let mut by_name = memory::filled(columns.len(), true)?;
        if let Unknown::Rescue(column) = unknown {
            by_name[column] = false;
        }
        for (index, mapping) in mappings.iter().enumerate() {
            let mapped = map(&mut nodes, &mapping.path)?;
            if mapped.replace(mapping.column).is_some() {
                return Err(PlanError::PathTwice(index));
            }
            if let Some(column) = mapping.column
                && !std::mem::replace(&mut by_name[column], false)
            {
                return Err(PlanError::ColumnTwice(index));
            }
        }
        let mut taken = Vec::new();
        for _ in &columns {
            memory::push(&mut taken, None)?;
        }
        let (taken, ignored) = (Mutex::new(taken), Mutex::new(Vec::new()));
        let any_ignored = AtomicBool::new(false);
        Ok(Columns { columns, match_columns, unknown, nodes, by_name, taken, ignored, any_ignored })
    }

    /// How fields find their columns.
    pub fn match_columns(&self) -> MatchColumns {
        self.match_columns
    }

    /// The columns.
    pub fn columns(&self) -> &[TargetColumn] {
        &self.columns
    }

    /// What becomes of a field that no column takes.
    pub fn unknown(&self) -> Unknown {
        self.unknown
    }

    /// Whether a field that no column took was ignored.
    pub fn has_ignored(&self) -> bool {
        self.any_ignored.load(Ordering::Relaxed)
    }

    /// Names of fields that no column took and that were ignored, some of them, in no order. They are
    /// handed out once.
    pub fn take_ignored(&self) -> Vec<String> {
        std::mem::take(&mut self.ignored.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a column takes a field of a record, or one within it, or it is dropped on purpose.
    pub fn takes(&self, field: &str) -> Result<bool, MatchError> {
        Ok(!self.find(0, field.as_bytes())?.is_unknown)
    }

    /// The same of the field at an index, where fields go to columns by position.
    pub fn takes_at(&self, index: usize, field: &str) -> Result<bool, MatchError> {
        Ok(!self.find_at(index, field)?.is_unknown)
    }

    /// The name of the field that is mapped to a column: of a path the last key.
    pub(super) fn mapped_field(&self, column: usize) -> Option<&str> {
        let mut children = self.nodes.iter().flat_map(|node| &node.children);
        children.find(|(_, child)| child.mapped == Some(Some(column))).map(|(name, _)| name.as_str())
    }

    /// The number of nodes of paths.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The columns that are filled from within a node.
    pub(super) fn columns_within(&self, node: usize, found: &mut dyn FnMut(usize)) {
        for (_, child) in &self.nodes[node].children {
            if let Some(Some(column)) = child.mapped {
                found(column);
            }
            if let Some(inner) = child.inner {
                self.columns_within(inner, found);
            }
        }
    }

    /// Where a field of an object goes that stands at a node of paths.
    pub(super) fn find(&self, node: usize, field: &[u8]) -> Result<Slot, MatchError> {
        // The text of a good record is UTF-8.
        let Ok(field) = std::str::from_utf8(field) else { return Ok(Slot::default()) };
        let child = self.nodes[node].children.iter().find(|(name, _)| name == field);
        let Child { mapped, inner } = child.map(|(_, child)| *child).unwrap_or_default();
        let column = match mapped {
            Some(column) => column,
            None if node > 0 => None,
            None if self.match_columns == MatchColumns::Position => None,
            None => self.find_by_name(field)?,
        };
        let is_unknown = node == 0 && column.is_none() && inner.is_none() && mapped.is_none();
        if is_unknown {
            match self.unknown {
                Unknown::Rescue(_) => {}
                Unknown::Ignore => self.ignore(field)?,
                Unknown::Fail => {
                    let field = shown(field)?;
                    return Err(MatchError::Mismatch(Mismatch::NoColumn { field }));
                }
            }
        }
        Ok(Slot { column, inner, is_unknown })
    }

    /// Where the field goes that stands at an index among those of a record, as
    /// [`MatchColumns::Position`] has it, unless the caller has given it to a column.
    pub(super) fn find_at(&self, index: usize, field: &str) -> Result<Slot, MatchError> {
        let is_mapped = self.nodes[0].children.iter().any(|(name, _)| name == field);
        let is_other = |column: &usize| self.unknown != Unknown::Rescue(*column);
        let at = (0..self.columns.len()).filter(is_other).nth(index).filter(|&column| self.by_name[column]);
        match at {
            Some(column) if !is_mapped => Ok(Slot { column: Some(column), ..Slot::default() }),
            _ => self.find(0, field.as_bytes()),
        }
    }

    fn ignore(&self, field: &str) -> Result<(), OutOfMemory> {
        self.any_ignored.store(true, Ordering::Relaxed);
        let mut ignored = self.ignored.lock().unwrap_or_else(PoisonError::into_inner);
        if ignored.len() < SHOWN {
            let field = shown(field)?;
            if !ignored.contains(&field) {
                memory::push(&mut ignored, field)?;
            }
        }
        Ok(())
    }

    fn find_by_name(&self, field: &str) -> Result<Option<usize>, MatchError> {
        let Some(column) = self.fitting(field)? else { return Ok(None) };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match &taken[column] {
            Some(other) if other != field => {
                let fields = [shown(other)?, shown(field)?];
                let column = memory::copy_str(&self.columns[column].name)?;
                Err(MatchError::Mismatch(Mismatch::TwoFields { column, fields }))
            }
            Some(_) => Ok(Some(column)),
            None => {
                taken[column] = Some(memory::copy_str(field)?);
                Ok(Some(column))
            }
        }
    }

    fn fitting(&self, field: &str) -> Result<Option<usize>, MatchError> {
        let exact = self.only(field, |column| column.name == field)?;
        if exact.is_some() {
            return Ok(exact);
        }
        let original = self.only(field, |column| column.original.as_deref() == Some(field))?;
        if original.is_some() || self.match_columns == MatchColumns::Exact {
            return Ok(original);
        }
        let same_letters = |column: &TargetColumn| lower(&column.name).eq(lower(field));
        let loose = self.only(field, same_letters)?;
        if loose.is_some() {
            return Ok(loose);
        }
        let snake = snake_case(field)?;
        self.only(field, |column| column.name == snake)
    }

    /// The only column that fits a field.
    fn only(&self, field: &str, fits: impl Fn(&TargetColumn) -> bool) -> Result<Option<usize>, MatchError> {
        let fits = |&(index, column): &(usize, &TargetColumn)| self.by_name[index] && fits(column);
        let mut fitting = self.columns.iter().enumerate().filter(fits);
        let Some((index, first)) = fitting.next() else { return Ok(None) };
        match fitting.next() {
            None => Ok(Some(index)),
            Some((_, second)) => Err(MatchError::Mismatch(Mismatch::TwoColumns {
                field: shown(field)?,
                columns: [memory::copy_str(&first.name)?, memory::copy_str(&second.name)?],
            })),
        }
    }
}

/// The front of a name.
fn shown(name: &str) -> Result<String, OutOfMemory> {
    memory::copy_str(&name[..name.floor_char_boundary(SHOWN_BYTES)])
}

/// The letters of a name in lower case.
fn lower(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_lowercase)
}

/// Makes the nodes of a path, and returns where it is written down what it is mapped to.
fn map<'a>(nodes: &'a mut Vec<Node>, path: &Path) -> Result<&'a mut Option<Option<usize>>, OutOfMemory> {
    let (mut node, mut at) = (0, 0);
    for (depth, key) in path.0.iter().enumerate() {
        let children = &mut nodes[node].children;
        at = match children.iter().position(|(name, _)| name == key) {
            Some(at) => at,
            None => {
                memory::push(children, (memory::copy_str(key)?, Child::default()))?;
                children.len() - 1
            }
        };
        if depth + 1 < path.0.len() {
            node = match nodes[node].children[at].1.inner {
                Some(inner) => inner,
                None => {
                    let inner = nodes.len();
                    nodes[node].children[at].1.inner = Some(inner);
                    memory::push(nodes, Node::default())?;
                    inner
                }
            };
        }
    }
    Ok(&mut nodes[node].children[at].1.mapped)
}
