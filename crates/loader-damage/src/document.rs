//! Documents around arrays: the answers of services, page after page.

use crate::draft::Draft;
use crate::fault::Fault;
use crate::json::{Layout, Style};
use crate::rng::Rng;
use crate::text::{self, Here, fill};

/// A kind of file with documents around its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documents {
    /// One document.
    Single,
    /// Several.
    Pages,
    /// Some without the array.
    WithoutArray,
    /// Some that tell of an error.
    Errors,
    /// Lines of text between them.
    TextBetween,
    /// Text before the first and behind the last.
    TextAround,
    /// One that lost the opening bracket of its array.
    LostOpenBracket,
    /// One that lost the closing bracket of its array.
    LostCloseBracket,
    /// The last one ends too early.
    Cut,
    /// Arrays of records in objects that are elements of an array themselves.
    ArraysInArrays,
    /// Arrays at the top, one after the other.
    TopLevelArrays,
    /// An object whose values are the records.
    Members,
}

/// All kinds.
pub(crate) const ALL: [Documents; 12] = [
    Documents::Single,
    Documents::Pages,
    Documents::WithoutArray,
    Documents::Errors,
    Documents::TextBetween,
    Documents::TextAround,
    Documents::LostOpenBracket,
    Documents::LostCloseBracket,
    Documents::Cut,
    Documents::ArraysInArrays,
    Documents::TopLevelArrays,
    Documents::Members,
];

/// What stands around an array; all are templates. `~` is a newline in pretty
/// documents, and nothing in others; so are the blanks behind it.
struct Shell {
    path: &'static str,
    /// Steps by which a pretty array's elements are indented.
    level: usize,
    before: &'static str,
    behind: &'static str,
}

const SHELLS: &[Shell] = &[
    Shell { path: "$.items", level: 2, before: "{~  \"items\": ", behind: ",~  \"next\": \"%h\"~}" },
    Shell { path: "$.items", level: 2, before: "{~  \"items\": ", behind: "~}" },
    Shell {
        path: "$.items",
        level: 2,
        before: "{~  \"meta\": {~    \"n\": %n,~    \"items\": [~      {~        \"id\": 0~      }~    ]~  },~  \"items\": ",
        behind: ",~  \"paging\": {~    \"items\": [],~    \"after\": [~      {~        \"id\": %n~      }~    ]~  }~}",
    },
    Shell {
        path: "$.data.items",
        level: 3,
        before: "{~  \"status\": \"ok\",~  \"data\": {~    \"total\": %n,~    \"items\": ",
        behind: "~  },~  \"took\": %n.%k~}",
    },
    Shell {
        path: "$.response.docs",
        level: 3,
        before: "{~  \"responseHeader\": {~    \"status\": 0~  },~  \"response\": {~    \"docs\": ",
        behind: ",~    \"start\": %n~  }~}",
    },
];

/// Documents without the array, whatever its path.
const WITHOUT: &[&str] = &[
    "{\"items\":null}",
    "{}",
    "{\"items\":{}}",
    "{\"items\":[]}",
    "{\"items\":\"none\"}",
    "{\"data\":null,\"status\":\"empty\"}",
    "{\"data\":{\"items\":null}}",
    "{\"data\":{\"items\":{\"id\":%n}}}",
    "{\"response\":{\"docs\":[]}}",
    "{\"others\":[{\"id\":%n},{\"id\":%n}],\"next\":null}",
    "{\"next\":{\"list\":[{\"id\":%n}]}}",
    "null",
    "[]",
];

const ERRORS: &[&str] = &[
    "{\"error\":{\"code\":500,\"message\":\"backend error\",\"errors\":[{\"reason\":\"%w\",\"id\":%n}]}}",
    "{\"message\":\"API rate limit exceeded\",\"documentation_url\":\"https://example.org/%w\"}",
    "{\"errors\":[{\"message\":\"timeout\",\"locations\":[{\"line\":%k,\"column\":%k}]}],\"data\":null}",
    "{\"status\":\"error\",\"took\":%n}",
    "{\"Message\":null}",
    "{\"error\": \"upstream\", \"trace\": [[%n, %n], [%n, %n]]}",
];

const TEXTS: [&text::Lines; 5] = [&text::MARKUP, &text::LOG, &text::PHP, &text::CURL, &text::ROUGH];

impl Documents {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Documents::Single => "single",
            Documents::Pages => "pages",
            Documents::WithoutArray => "without-array",
            Documents::Errors => "errors",
            Documents::TextBetween => "text-between",
            Documents::TextAround => "text-around",
            Documents::LostOpenBracket => "lost-open-bracket",
            Documents::LostCloseBracket => "lost-close-bracket",
            Documents::Cut => "cut",
            Documents::ArraysInArrays => "arrays-in-arrays",
            Documents::TopLevelArrays => "top-level-arrays",
            Documents::Members => "members",
        }
    }

    /// Puts documents around the records, which were written for that.
    pub(crate) fn put(self, draft: &mut Draft, form: &Form, rng: &mut Rng) -> bool {
        let path = match self {
            Documents::ArraysInArrays => form.groups(draft, rng),
            Documents::TopLevelArrays => form.arrays(draft, rng),
            Documents::Members => form.members(draft, rng),
            _ if self.pages(draft, form, rng) => form.shell.path,
            _ => return false,
        };
        draft.records_path = Some(path);
        true
    }

    /// Puts pages around the records; false if they are too few.
    fn pages(self, draft: &mut Draft, form: &Form, rng: &mut Rng) -> bool {
        let records = draft.slots.len();
        let pages = match self {
            Documents::Single => vec![records],
            Documents::TextAround | Documents::Cut if rng.one_in(2) => vec![records],
            _ => pages(records, rng),
        };
        let lost = matches!(self, Documents::LostOpenBracket | Documents::LostCloseBracket);
        if lost && pages.len() < 2 || self == Documents::Cut && records < 2 {
            return false;
        }
        if self == Documents::Cut && rng.one_in(2) && !Fault::TruncatedFile.apply(draft, records - 1, rng) {
            return false;
        }
        let victim = if lost { rng.below(pages.len()) } else { pages.len() };
        let [open, comma, close] = form.brackets();
        let mut at = 0;
        // What stands behind the array before.
        let mut behind = String::new();
        for (page, &length) in pages.iter().enumerate() {
            let text = self.between(page, pages.len(), form, rng);
            let before = form.write(form.shell.before, rng);
            let hurt = page == victim;
            let open_here =
                if hurt && self == Documents::LostOpenBracket { &open[1..] } else { open.as_str() };
            for n in 0..length {
                draft.slots[at + n].glue = match n {
                    0 => [&behind, &text, &before, open_here].map(|part| part.as_bytes()).concat(),
                    _ => comma.clone().into_bytes(),
                };
                draft.slots[at + n].doubtful = hurt;
            }
            draft.slots[at].opens = hurt.then(|| before.len() + open_here.len());
            let close_here = if hurt && self == Documents::LostCloseBracket {
                close.replace(']', "")
            } else {
                close.clone()
            };
            behind = close_here + &form.write(form.shell.behind, rng) + form.separator;
            at += length;
        }
        let whole = draft.slots[at - 1].is_good();
        draft.tail = match self {
            Documents::Cut if whole => {
                let end = close.len() + rng.below(behind.len() - close.len());
                behind.into_bytes()[..end].to_vec()
            }
            Documents::Cut => Vec::new(),
            _ => (behind + &self.between(pages.len(), pages.len(), form, rng)).into_bytes(),
        };
        true
    }

    /// What stands before a document, and behind the last.
    fn between(self, page: usize, pages: usize, form: &Form, rng: &mut Rng) -> String {
        let end = page == 0 || page == pages;
        let mut out = String::new();
        let documents = match self {
            Documents::WithoutArray => WITHOUT,
            Documents::Errors => ERRORS,
            Documents::TextBetween | Documents::TextAround => {
                let shown = if self == Documents::TextAround { end } else { !end || rng.one_in(3) };
                let lines = rng.pick(&TEXTS).lines;
                let count = if rng.one_in(6) { text::count(rng) } else { rng.between(1, 3) };
                let block = text::block(lines, count, form.newline, rng);
                return if shown { String::from_utf8_lossy(&block).into_owned() } else { String::new() };
            }
            _ => return out,
        };
        let count = match end || rng.one_in(2) {
            true => rng.below(2),
            false => rng.between(1, 3),
        };
        for _ in 0..count {
            out += &fill(rng.pick(documents), Here::default(), rng);
            out += form.separator;
        }
        out
    }
}

/// How the documents of a file are written.
pub(crate) struct Form {
    shell: &'static Shell,
    pretty: bool,
    spaced: bool,
    newline: &'static str,
    separator: &'static str,
}

impl Form {
    /// A form of pretty or of other documents.
    pub(crate) fn new(pretty: bool, rng: &mut Rng) -> Self {
        let newline = if rng.one_in(5) { "\r\n" } else { "\n" };
        Form {
            shell: rng.pick(SHELLS),
            pretty,
            spaced: rng.one_in(3),
            newline,
            // Line after line, but for an empty one now and then.
            separator: match (newline, rng.one_in(5)) {
                ("\n", false) => "\n",
                ("\n", true) => "\n\n",
                (_, false) => "\r\n",
                (_, true) => "\r\n\r\n",
            },
        }
    }

    /// How records are written in them.
    pub(crate) fn style(&self, rng: &mut Rng) -> Style {
        let layout = match (self.pretty, self.spaced) {
            (true, _) => Layout::Pretty,
            (_, true) => Layout::Spaced,
            _ => Layout::Compact,
        };
        let (ascii, inline) = (rng.one_in(3), rng.one_in(3));
        Style { layout, indent: "  ", level: self.shell.level, newline: self.newline, ascii, inline }
    }

    /// The opening bracket of an array, what stands between its elements, and the
    /// closing bracket.
    fn brackets(&self) -> [String; 3] {
        if !self.pretty {
            return ["[", if self.spaced { ", " } else { "," }, "]"].map(str::to_owned);
        }
        let line = |level: usize| format!("{}{}", self.newline, "  ".repeat(level));
        let level = self.shell.level;
        [format!("[{}", line(level)), format!(",{}", line(level)), format!("{}]", line(level - 1))]
    }

    /// Documents with several arrays each; the path of their elements.
    fn groups(&self, draft: &mut Draft, rng: &mut Rng) -> &'static str {
        const GROUPS: [(&str, &str, &str, &str, &str); 2] = [
            (
                "$.Reservations[*].Instances[*]",
                "{~  \"Reservations\": [",
                "~    {~      \"Groups\": [],~      \"Instances\": ",
                ",~      \"OwnerId\": \"%n\"~    }",
                "~  ],~  \"NextToken\": null~}",
            ),
            (
                "$.resourceLogs[*].logRecords[*]",
                "{~  \"resourceLogs\": [",
                "~    {~      \"resource\": {~        \"attributes\": [~          {~            \"key\": \"%w\"~          }~        ]~      },~      \"logRecords\": ",
                "~    }",
                "~  ]~}",
            ),
        ];
        let (path, first, open, close, last) = *rng.pick(&GROUPS);
        let mut behind = self.write(first, rng);
        let mut at = 0;
        let groups = pages(draft.slots.len(), rng);
        let mut first_of_document = true;
        for (n, &length) in groups.iter().enumerate() {
            let comma = match (first_of_document, self.pretty, self.spaced) {
                (true, ..) => "",
                (_, false, true) => ", ",
                _ => ",",
            };
            let before = format!("{behind}{comma}{}", self.write(open, rng));
            first_of_document = n + 1 < groups.len() && rng.one_in(5);
            behind = self.array(draft, at, length, &before) + &self.write(close, rng);
            if first_of_document {
                behind += &(self.write(last, rng) + self.separator + &self.write(first, rng));
            }
            at += length;
        }
        draft.tail = (behind + &self.write(last, rng) + self.separator).into_bytes();
        path
    }

    /// Arrays at the top, now and then with a document or text between them.
    fn arrays(&self, draft: &mut Draft, rng: &mut Rng) -> &'static str {
        let mut behind = String::new();
        let mut at = 0;
        for length in pages(draft.slots.len(), rng) {
            behind = self.array(draft, at, length, &behind) + self.separator;
            if rng.one_in(4) {
                behind += &(fill(rng.pick(ERRORS), Here::default(), rng) + self.separator);
            }
            at += length;
        }
        draft.tail = behind.into_bytes();
        "$"
    }

    /// An object whose members' values are the records.
    fn members(&self, draft: &mut Draft, rng: &mut Rng) -> &'static str {
        let line = match self.pretty {
            true => format!("{}{}", self.newline, "  ".repeat(self.shell.level)),
            false => String::new(),
        };
        let [comma, colon] = match (self.pretty, self.spaced) {
            (true, _) => [",", ": "],
            (_, true) => [", ", ": "],
            _ => [",", ":"],
        };
        let mut behind = self.write("{~  \"total\": %n,~  \"people\": {", rng);
        for at in 0..draft.slots.len() {
            let comma = if at == 0 { "" } else { comma };
            let name = fill(
                rng.pick(&["%w-%i", "%i", "%h", "a \\\"%w\\\" %i", "{%i}"]),
                Here { number: at, length: 0 },
                rng,
            );
            draft.slots[at].glue = format!("{behind}{comma}{line}\"{name}\"{colon}").into_bytes();
            behind.clear();
        }
        draft.tail =
            (self.write("~  },~  \"next\": {~    \"id\": %n~  }~}", rng) + self.separator).into_bytes();
        "$.people.*"
    }

    /// Makes an array of some records; what stands behind its last.
    fn array(&self, draft: &mut Draft, at: usize, length: usize, before: &str) -> String {
        let [open, comma, close] = self.brackets();
        for n in 0..length {
            draft.slots[at + n].glue =
                if n == 0 { format!("{before}{open}") } else { comma.clone() }.into_bytes();
        }
        close
    }

    /// Fills a template of a shell.
    fn write(&self, template: &str, rng: &mut Rng) -> String {
        let filled = fill(template, Here::default(), rng);
        if self.pretty {
            return filled.replace('~', self.newline);
        }
        let mut out = String::new();
        for (n, part) in filled.split('~').enumerate() {
            let part = if n > 0 { part.trim_start() } else { part };
            // Behind a comma at the end of a line a blank is due in the spaced form.
            out += if n > 0 && self.spaced && out.ends_with(',') { " " } else { "" };
            out += if self.spaced { part.to_owned() } else { part.replace(": ", ":") }.as_str();
        }
        out
    }
}

/// How many records are on each page: one to three, or many.
fn pages(records: usize, rng: &mut Rng) -> Vec<usize> {
    let most = *rng.pick(&[1, 3, 3, 20, 100]);
    let mut pages = Vec::new();
    let mut left = records;
    while left > 0 {
        let page = rng.between(1, most).min(left);
        pages.push(page);
        left -= page;
    }
    pages
}
