//! Text that stands around and between records: lines as programs write them.

use crate::rng::Rng;

/// A kind of lines, of templates for [`fill`].
pub(crate) struct Lines {
    /// Its name in the report.
    pub(crate) name: &'static str,
    pub(crate) lines: &'static [&'static str],
}

/// What a template may name beside random words and numbers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Here {
    /// `%i`: the number of the record.
    pub(crate) number: usize,
    /// `%l`: the length of the record.
    pub(crate) length: usize,
}

const WORDS: &[&str] =
    &["api", "worker", "left-pad", "core", "billing", "search", "main", "db", "proxy", "ingest", "Café"];

const LEVELS: &[&str] = &["INFO", "WARN", "ERROR", "DEBUG", "TRACE"];

const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "May", "Jun", "Oct", "Dec"];

/// Fills a template: `%n` a number, `%k` a digit, `%u` six digits, `%h`
/// hexadecimal digits, `%w` a word, `%L` a level, `%d` a date, `%t` a time, `%y`
/// a date as in syslog, `%i` and `%l` as in [`Here`], `%%` a per cent sign.
pub(crate) fn fill(template: &str, here: Here, rng: &mut Rng) -> String {
    let mut out = String::new();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out += &rng.between(1, 9999).to_string(),
            Some('k') => out += &rng.between(1, 9).to_string(),
            Some('u') => out += &format!("{:06}", rng.below(1_000_000)),
            Some('h') => out += &format!("{:010x}", rng.next() >> 24),
            Some('w') => out += rng.pick(WORDS),
            Some('L') => out += rng.pick(LEVELS),
            Some('d') => out += &format!("2024-{:02}-{:02}", rng.between(1, 12), rng.between(1, 28)),
            Some('t') => {
                out += &format!("{:02}:{:02}:{:02}", rng.below(24), rng.below(60), rng.below(60));
            }
            Some('y') => out += &format!("{} {:2}", rng.pick(MONTHS), rng.between(1, 28)),
            Some('i') => out += &here.number.to_string(),
            Some('l') => out += &here.length.to_string(),
            Some('%') => out.push('%'),
            other => panic!("a template has {other:?} behind a per cent sign"),
        }
    }
    out
}

/// Some lines of these, with a newline behind each.
pub(crate) fn block(lines: &[&str], count: usize, newline: &str, rng: &mut Rng) -> Vec<u8> {
    let mut out = String::new();
    for _ in 0..count {
        out += &fill(rng.pick(lines), Here::default(), rng).replace('\n', newline);
        out += newline;
    }
    out.into_bytes()
}

/// How many lines: one as often as a few, now and then hundreds.
pub(crate) fn count(rng: &mut Rng) -> usize {
    match rng.below(8) {
        0..3 => 1,
        3 => 2,
        4 => 3,
        5 => rng.between(4, 20),
        6 => rng.between(20, 100),
        _ => rng.between(100, 600),
    }
}

pub(crate) const NPM: Lines = Lines {
    name: "npm",
    lines: &[
        "> %w@1.%k.0 build",
        "> node scripts/%w.js --format=json",
        "npm WARN deprecated %w@%k.88.2: %w has been deprecated, see https://example.org/%w#readme",
        "npm WARN %w@%k.0.0 requires a peer of %w@^%k but none is installed.",
        "npm WARN optional SKIPPING OPTIONAL DEPENDENCY: Unsupported platform for fsevents@2.3.2: \
         wanted {\"os\":\"darwin\",\"arch\":\"any\"} (current: {\"os\":\"linux\",\"arch\":\"x64\"})",
        "npm notice created a lockfile as package-lock.json. You should commit this file.",
        "npm ERR! code ELIFECYCLE",
        "npm ERR! errno %n",
        "added %n packages from %n contributors and audited %n packages in 4.%ks",
        "found 0 vulnerabilities",
        "",
    ],
};

pub(crate) const PIP: Lines = Lines {
    name: "pip",
    lines: &[
        "Collecting %w==2.%k.0",
        "  Downloading %w-2.%k.0-py3-none-any.whl (62 kB)",
        "     |################################| 62 kB 1.%k MB/s",
        "Requirement already satisfied: urllib3<3,>=1.21.1 in ./lib (from %w[socks]) (1.26.%n)",
        "WARNING: You are using pip version 20.0.%k; however, version 24.0 is available.",
        "Installing collected packages: %w, %w",
        "Successfully installed %w-2.%k.0",
    ],
};

pub(crate) const YARN: Lines = Lines {
    name: "yarn",
    lines: &[
        "yarn run v1.22.%k",
        "$ node scripts/%w.js --format=json",
        "[%k/4] Resolving packages...",
        "[4/4] Building fresh packages...",
        "warning Lockfile has incorrect entry for \"%w@^%k.0\". Ignoring it.",
        "info Visit https://example.org/en/docs/cli/run for documentation about this command.",
        "Done in 0.%ks.",
        "success Saved lockfile.",
    ],
};

pub(crate) const LEVEL: Lines = Lines {
    name: "level",
    lines: &[
        "[%L] starting %w",
        "[%L] Scanning for projects...",
        "[%L] ",
        "[%L] %n of %n rows, [%w, %w]",
        "[%L] BUILD SUCCESS",
        "[%L]   %w",
    ],
};

pub(crate) const STAMP: Lines = Lines {
    name: "stamp",
    lines: &[
        "[%d %t,%k12] {%w.py:%n} %L - Running <TaskInstance: %w [running]>",
        "[%d %t] %w.%L: done [] []",
        "[%y %t 2024] [core:error] [pid %n] AH%n: %w",
        "[    0.%u] Linux version 6.1.0",
        "[%n] %w connected",
        "[%n.%k, \"%w\"] accepted",
        "[%t] Starting '%w'...",
    ],
};

pub(crate) const PROMPT: Lines = Lines {
    name: "prompt",
    lines: &[
        "$ curl -s https://example.org/items?page=%n | jq '.[]'",
        "user@host:~/%w$ cat %w.json",
        "root@%h:/# mongoexport -c %w --jsonArray",
        ">>> print(json.dumps(rows))",
        "In [%k]: rows",
        "mysql> select json_arrayagg(x) from %w;",
        "C:\\Users\\%w> type %w.json",
        "PS C:\\> Get-Content %w.json",
        "%%",
        "# exit",
    ],
};

pub(crate) const PYTHON: Lines = Lines {
    name: "python-logging",
    lines: &[
        "%d %t,%k78 - root - %L - fetched %n of %n",
        "%L:root:took 0.%ks",
        "WARNING:urllib3.connectionpool:Retrying (Retry(total=%k, connect=None, read=None)) after connection \
         broken by 'ProtocolError('Connection aborted.')': /%w",
        "%L:%w:{'id': %n, 'name': None}",
        "/usr/lib/python3/%w.py:%n: DeprecationWarning: %w() is deprecated",
        "  warnings.warn(",
        " %n%%|####      | %n/%n [00:0%k<00:12, %n.%kit/s]",
    ],
};

pub(crate) const PHP: Lines = Lines {
    name: "php",
    lines: &[
        "<br />",
        "<b>Warning</b>:  Undefined array key \"%w\" in <b>/var/www/%w.php</b> on line <b>%n</b><br />",
        "<br />\n<b>Notice</b>:  Undefined variable: %w in <b>/var/www/index.php</b> on line <b>%n</b><br />",
        "PHP Warning:  file_get_contents(%w.json): failed to open stream in /srv/%w.php on line %n",
        "PHP   1. {main}() /srv/%w.php:0",
    ],
};

pub(crate) const ROUGH: Lines = Lines {
    name: "rough-log",
    lines: &[
        "level=debug msg=\"got { from %w\" attrs={a:%n, b:[2}",
        "} else { // [%w",
        "it's a \"quoted",
        "]] >> [[ %w ]",
        "dump {\"a\" [1, 2",
        "labels={} matchers=[] n=%n",
        "%d %t %L {%w=%n} closing (x={y}) [%w]",
        "}",
        "{",
        "expected ',' or ']' after \"%w\", got '}'",
        "\\\" \\\\ \"\"",
        "{ %w: 'x', n: [ %n, [Object] ] }",
    ],
};

pub(crate) const CURL: Lines = Lines {
    name: "curl",
    lines: &[
        "  %% Total    %% Received %% Xferd  Average Speed   Time    Time     Time  Current",
        "100  %n  100  %n    0     0   %n      0 --:--:-- --:--:-- --:--:--  %n",
        "* Connected to example.org (192.0.2.%k) port 443 (#0)",
        "> GET /items?n[]=%n HTTP/1.1",
        "> Accept: */*",
        "< HTTP/1.1 200 OK",
        "< content-type: application/json",
        "{ [%n bytes data]",
        "} [5 bytes data]",
    ],
};

pub(crate) const STACK: Lines = Lines {
    name: "stack-trace",
    lines: &[
        "Exception in thread \"main\" java.lang.IllegalStateException: Expected BEGIN_ARRAY but was {",
        "\tat com.example.%w.Main.run(Main.java:%n)",
        "\t... %n more",
        "Caused by: java.io.IOException: %w",
        "Traceback (most recent call last):",
        "  File \"/srv/%w.py\", line %n, in <module>\n    data[\"%w\"][0] = {}",
        "KeyError: '%w'",
        "    at Object.<anonymous> (/srv/%w.js:%n:%k) {",
        "  errno: -%n,",
        "  code: 'ENOENT'",
        "goroutine %n [running]:",
        "main.main()\n\t/srv/main.go:%n +0x%h",
    ],
};

pub(crate) const COLOURS: Lines = Lines {
    name: "colours",
    lines: &[
        "\x1b[32m\u{2713}\x1b[0m %w \x1b[2m(%n ms)\x1b[22m",
        "\x1b[1;33m[warn]\x1b[0m %w is slow",
        "\x1b[?25l\x1b[2K\x1b[1G%w... %n%%",
        "\x1b[31mERROR\x1b[39m %w [%k]",
    ],
};

pub(crate) const PROSE: Lines = Lines {
    name: "prose",
    lines: &[
        "Sure! Here are the records that you asked for:",
        "The following %n items were exported on %d, at %t; see \"%w\" for more.",
        "Total: %n",
        "Response body:",
        "Note that null and true are not numbers, 12 is.",
        "",
    ],
};

pub(crate) const SCALARS: Lines =
    Lines { name: "scalars", lines: &["%n", "null", "true", "%n.%k", "\"%w\"", "%n %n", "Total: %n"] };

pub(crate) const MARKUP: Lines = Lines {
    name: "markup",
    lines: &[
        "<!DOCTYPE html>",
        "<html><head><title>502 Bad Gateway</title></head>",
        "<body bgcolor=\"white\"><h1>502 Bad Gateway</h1></body></html>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<Error><Code>SlowDown</Code><RequestId>%h</RequestId></Error>",
        "<script>var a = {\"%w\": [%n]};</script>",
        "<!-- page %n -->",
        "<item id=\"%n\">%w</item>",
    ],
};

pub(crate) const CSV: Lines = Lines {
    name: "csv",
    lines: &[
        "id,name,value",
        "%n,%w,%n.%k",
        "%n,\"%w, %w\",%n",
        "%n,%n,%n",
        "%n.%k,-%n,%n",
        "%d;%t;%n",
        "\"%w\",\"%w\",\"%n\"",
        "%n\t%n\tnull",
    ],
};

pub(crate) const SEPARATORS: Lines = Lines {
    name: "separators",
    lines: &[
        "---",
        "===",
        "--",
        "----------------------------------------",
        "==> %w.json <==",
        "# page %n",
        "// page %n",
        "",
        "\n\n",
        "***",
        "-- %n --",
        "+++",
        "...",
        "page %n",
    ],
};

pub(crate) const LOG: Lines = Lines {
    name: "log-lines",
    lines: &[
        "%d %t %L %w: started in %n.%k seconds",
        "%y %t host %w[%n]: Accepted publickey for %w",
        "%d %t,%k00 %L [%w] (x={y}) \"q\"",
        "192.0.2.%k - - [%d:%t +0000] \"GET /%w HTTP/1.1\" 200 %n \"-\" \"curl/8\"",
        "I0102 %t.%u %n %w.go:%n] ok",
        "nohup: ignoring input",
        "Killed",
    ],
};
