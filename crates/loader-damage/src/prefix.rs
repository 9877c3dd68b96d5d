//! Lines on which a record has text before or behind it.

use crate::draft::Draft;
use crate::fault::Fault;
use crate::rng::Rng;
use crate::text::{Here, fill};

/// One way of writing a line; all are templates for [`fill`].
#[derive(Clone, Copy)]
struct Form {
    /// Lines of their own before that of a record.
    lead: &'static str,
    /// One record in so many has them.
    every: usize,
    prefix: &'static str,
    suffix: &'static str,
}

/// A kind of prefix.
pub(crate) struct Prefix {
    /// Its name in the report.
    pub(crate) name: &'static str,
    forms: &'static [Form],
}

const fn prefix(prefix: &'static str) -> Form {
    Form { lead: "", every: 1, prefix, suffix: "" }
}

const fn suffix(prefix: &'static str, suffix: &'static str) -> Form {
    Form { lead: "", every: 1, prefix, suffix }
}

const fn lead(lead: &'static str, every: usize, prefix: &'static str) -> Form {
    Form { lead, every, prefix, suffix: "" }
}

/// All kinds.
pub(crate) const ALL: &[Prefix] = &[
    Prefix {
        name: "syslog-3164",
        forms: &[
            prefix("%y %t host %w[%n]: "),
            prefix("<13>%y %t host %w: "),
            prefix("%y %t %w kernel: [%n.%u] "),
        ],
    },
    Prefix {
        name: "syslog-5424",
        forms: &[
            prefix("<134>1 %dT%t.%uZ host %w %n ID47 - "),
            prefix("<165>1 %dT%tZ host %w - - [exampleSDID@32473 iut=\"%k\" eventSource=\"App\"] "),
            prefix("<14>1 %dT%t+02:00 - %w %n - - \u{FEFF}"),
        ],
    },
    Prefix {
        name: "server-sent-events",
        forms: &[
            prefix("data: "),
            prefix("data:"),
            lead("\n", 1, "data: "),
            lead("\nevent: message\nid: %i\n", 1, "data: "),
            lead("\nid: %i\nevent: %w\nretry: %n\n", 1, "data: "),
            lead(": ping\n\n", 7, "data: "),
        ],
    },
    Prefix {
        name: "level",
        forms: &[
            prefix("[INFO] "),
            prefix("[%L] "),
            prefix("%L: "),
            prefix("%L [%w] - "),
            prefix("[%d %t,%k00] [%L] "),
            prefix("[%n] "),
        ],
    },
    Prefix {
        name: "klog",
        forms: &[prefix("I0102 %t.%u    %k file.go:%n] "), prefix("E0102 %t.%u   %n %w.go:%k] \"Got\" obj=")],
    },
    Prefix {
        name: "logfmt",
        forms: &[
            prefix("ts=%dT%tZ level=%L msg="),
            prefix("time=\"%d %t\" level=info n=%n payload="),
            suffix("level=%L body=", " status=200 took=%nms"),
        ],
    },
    Prefix { name: "key", forms: &[prefix("key: "), prefix("%w: "), prefix("user:%i="), prefix("- ")] },
    Prefix {
        name: "id-tab",
        forms: &[prefix("%i\t"), prefix("%h\t"), prefix("%n.%k\t"), prefix("%d\t"), prefix("null\t")],
    },
    Prefix {
        name: "columns",
        forms: &[
            prefix("%i\t%d %t\t%w\t"),
            prefix("%i\t\"%w %w\"\t\\N\t"),
            prefix("%i|%w|%n.%k|"),
            prefix("%i\t%w\t{%k,%k}\t[%n]\t"),
        ],
    },
    Prefix {
        name: "quoted",
        forms: &[
            prefix("\"%w %w\" "),
            prefix("'%w' "),
            prefix("\"%w\" - \"say \\\"%w\\\"\" "),
            prefix("\"%w\"\t"),
        ],
    },
    Prefix {
        name: "colours",
        forms: &[
            prefix("\x1b[32mINFO\x1b[0m "),
            prefix("\x1b[2m%d %t\x1b[0m \x1b[34m%L\x1b[0m %w: "),
            suffix("\x1b[36m", "\x1b[0m"),
        ],
    },
    Prefix {
        name: "docker",
        forms: &[prefix("%dT%t.%u789Z "), prefix("%dT%t.%uZ stdout F "), prefix("%d %t.%u +00:00 [INF] ")],
    },
    Prefix {
        name: "compose",
        forms: &[
            prefix("web_1  | "),
            prefix("%w-%k  | "),
            prefix("[pod/%w-%h/app] "),
            prefix("\x1b[36mweb_1  |\x1b[0m "),
        ],
    },
    Prefix {
        name: "kafka",
        forms: &[
            prefix("key-%i\t"),
            prefix("CreateTime:17%n%u\tkey%i\t"),
            prefix("Partition:%k\tOffset:%i\t"),
        ],
    },
    Prefix {
        name: "progress",
        forms: &[
            lead("%d\t[########................]  db.%w  %n/%n  (33.3%%)\n", 9, ""),
            lead("%dT%t.%k78+0000\t[####....]  db.%w  %n\n", 3, ""),
            lead("==> /var/log/%w.log <==\n", 10, ""),
            lead("%d %t INFO wrote %n records\n", 20, ""),
        ],
    },
    Prefix {
        name: "length",
        forms: &[
            prefix("%l "),
            prefix("%l\t"),
            suffix("%l:", ","),
            lead("%l\n", 1, ""),
            lead("Content-Length: %l\n\n", 1, ""),
        ],
    },
    Prefix {
        name: "grep",
        forms: &[
            prefix("logs/%w.json:%i:"),
            prefix("%i:"),
            prefix("%i-"),
            prefix("     %i\t"),
            prefix("%n) "),
        ],
    },
    Prefix {
        name: "access-log",
        forms: &[
            prefix("192.0.2.%k - - [%d:%t +0000] \"POST /%w HTTP/1.1\" 200 %n "),
            prefix("[%d %t,%k12] {%w.py:%n} INFO - "),
            prefix("%d %t UTC [%n]: [%k-1] user=%w,db=%w LOG:  "),
        ],
    },
    Prefix {
        name: "brackets",
        forms: &[
            prefix("[main] (x={y}) \"q\" "),
            prefix("{app=%w} [%n] "),
            prefix("labels={} tags=[] "),
            prefix("%w[%n] {%w:%n} - "),
            prefix("[{(%w)}] -> "),
            prefix("Foo{a=[1, 2], b='%w'} "),
            prefix("it's \"%w "),
            prefix("}] [ { "),
        ],
    },
    Prefix {
        name: "suffix",
        forms: &[
            suffix("", " # %w"),
            suffix("", ";"),
            suffix("", " // %w [%n]"),
            suffix("", "\t%n\t\"%w\""),
            suffix("", " <- %d"),
            suffix("> ", " \\"),
        ],
    },
];

impl Prefix {
    /// Writes it on each line of a file with a record a line.
    pub(crate) fn put(&self, draft: &mut Draft, rng: &mut Rng) {
        let form = rng.pick(self.forms);
        let newline = draft.framing.newline();
        let mut behind = String::new();
        for at in 0..draft.slots.len() {
            let slot = &draft.slots[at];
            let length = if slot.is_good() { slot.bytes.len() } else { slot.whole.len() };
            let here = Here { number: at + 1, length };
            let prefix = fill(form.prefix, here, rng);
            let shown = rng.one_in(form.every);
            let lead = if shown { fill(form.lead, here, rng).replace('\n', newline) } else { String::new() };
            // A record that was torn off has the next one on its line.
            let torn = at > 0 && !slot.glue.contains(&b'\n');
            let glue = match torn {
                true => prefix.into_bytes(),
                false => [behind.as_bytes(), &slot.glue, lead.as_bytes(), prefix.as_bytes()].concat(),
            };
            let torn_off = slot.fault.is_some_and(Fault::tears);
            behind = if torn_off { String::new() } else { fill(form.suffix, here, rng) };
            draft.slots[at].glue = glue;
        }
        draft.tail.splice(0..0, behind.into_bytes());
    }
}
