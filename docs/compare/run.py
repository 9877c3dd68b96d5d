#!/usr/bin/env python3
"""What loaders keep of damaged JSON files, and what they make up.

    run.py [--seed N] [--one-in N] [--tools a,b] [--keep DIR]

Makes the files with the generator of this repository (cargo), runs each tool
over each of them, and prints a table. A tool that is not installed is left
out. Records are compared as values: key order, white space and the spelling of
numbers do not count. Where a tool has several readers for JSON, each file
counts with the one that does best on it.
"""

import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


EVERYDAY = {
    "lines",
    "lines-crlf",
    "open-array",
    "comma-lines",
    "array-lines",
    "compact-array",
    "pretty-2",
    "concatenated",
    "pretty-values",
}
GROUPS = [
    ("Everyday framings, plain records", lambda f: f["suite"] == "plain" and f["framing"] in EVERYDAY),
    ("Other framings, plain records", lambda f: f["suite"] == "plain" and f["framing"] not in EVERYDAY),
    ("Hard files where lines show where records start", lambda f: f["suite"] == "hard" and f["strict"]),
    ("Hard files on one line", lambda f: f["suite"] == "hard" and not f["strict"]),
]


def refuse(word):
    raise ValueError(word)


DECODER = json.JSONDecoder(parse_constant=refuse)


def canonical(value):
    """A value as a string in which equal values are equal."""

    def plain(value):
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return value
        if isinstance(value, (int, float)):
            return repr(float(value))
        if isinstance(value, list):
            return ["list"] + [plain(item) for item in value]
        return {key: plain(item) for key, item in value.items()}

    return json.dumps(plain(value), sort_keys=True)


def parse(text):
    """The value of a text, or None if it is not JSON."""
    try:
        return canonical(DECODER.decode(text.strip()))
    except (ValueError, RecursionError, OverflowError):
        return None


def text_of(path):
    return path.read_bytes().decode("utf-8", "replace")


def line_script(path):
    """Line by line: commas and brackets around a line are taken off."""
    records = []
    for line in text_of(path).split("\n"):
        line = line.strip().lstrip("\ufeff\x1e").strip(",").strip()
        for piece in (line, line.removeprefix("["), line.removesuffix("]"), line.strip(",[]")):
            value = parse(piece) if piece else None
            if value is not None:
                records.append(value)
                break
    return records


def split_script(path):
    """split(",\\n"), the bad pieces passed over."""
    text = text_of(path).strip().removeprefix("[").removesuffix("]")
    return [value for value in map(parse, text.split(",\n")) if value is not None]


def first_key_script(path):
    """Tries a record wherever the first key of the first record stands."""
    text = text_of(path)
    key = re.search(r'\{\s*"[^"]*"\s*:', text)
    if key is None:
        return []
    start = re.compile(r'\{\s*' + re.escape(re.search(r'"[^"]*"', key.group()).group()) + r"\s*:")
    records, at = [], 0
    while found := start.search(text, at):
        try:
            value, at = DECODER.raw_decode(text, found.start())
            records.append(canonical(value))
        except (ValueError, RecursionError, OverflowError):
            at = found.start() + 1
    return records


def jq(path):
    """jq, with and without taking an array apart."""
    for program in (".", "if type == \"array\" then .[] else . end", ".[]"):
        out = subprocess.run(["jq", "-c", program, path], capture_output=True, timeout=60).stdout
        lines = out.decode("utf-8", "replace").split("\n")
        yield [value for value in map(parse, lines) if value is not None]


# What a tool raises that cannot read a file; its message may quote the file.
UNREADABLE = (RuntimeError, UnicodeDecodeError)


def duckdb_reader():
    import duckdb

    connection = duckdb.connect()

    def read(path):
        for kind in ("auto", "newline_delimited", "array", "unstructured"):
            for ignore in ("true", "false"):
                try:
                    rows = connection.execute(
                        f"SELECT json FROM read_json_objects('{path}', format = '{kind}', "
                        f"ignore_errors = {ignore}, maximum_object_size = 10000000)"
                    ).fetchall()
                except UNREADABLE + (duckdb.Error,):
                    continue
                yield [value for value in (parse(row[0]) for row in rows if row[0]) if value is not None]

    return read


def clickhouse_reader():
    import chdb

    def read(path):
        query = (
            f"SELECT json FROM file('{path}', 'JSONAsString', 'json String') SETTINGS "
            "input_format_allow_errors_num = 1000000, input_format_allow_errors_ratio = 1"
        )
        try:
            out = str(chdb.query(query, "JSONEachRow"))
        except UNREADABLE:
            return []
        rows = [json.loads(line)["json"] for line in out.split("\n") if line]
        return [value for value in map(parse, rows) if value is not None]

    return read


def loader_reader():
    build = ["cargo", "build", "--release", "--quiet", "-p", "loader-core", "--example", "split"]
    subprocess.run(build, cwd=ROOT, check=True)
    program = target() / "release" / "examples" / "split"

    def read(path):
        out = subprocess.run([program, path, "--items"], capture_output=True, check=True, text=True).stdout
        data = path.read_bytes()
        spans = (line.split() for line in out.split("\n") if line.startswith("R "))
        return [parse(data[int(at) : int(at) + int(length)].decode()) for _, at, length in spans]

    return read


def target():
    """Where cargo puts what it builds."""
    out = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    return pathlib.Path(json.loads(out)["target_directory"])


def tools(wanted):
    """Name, reader. A reader returns records or yields several attempts."""
    made = {
        "loader": loader_reader,
        "line by line": lambda: line_script,
        'split(",\\n")': lambda: split_script,
        "first key": lambda: first_key_script,
        "jq": lambda: jq if shutil.which("jq") else refuse("jq"),
        "DuckDB": duckdb_reader,
        "ClickHouse": clickhouse_reader,
    }
    for name, make in made.items():
        if wanted and name not in wanted:
            continue
        try:
            yield name, make()
        except (ImportError, ValueError) as missing:
            print(f"{name}: not installed ({missing})", file=sys.stderr)


Score = collections.namedtuple("Score", "kept phantoms good unsure_lost")


def score(truth, records):
    """How a list of records compares with the truth about a file."""
    left = collections.Counter(records)
    kept = sum((left & truth["good"]).values())
    left -= truth["good"]
    unsure = sum((left & truth["unsure"]).values())
    left -= truth["unsure"]
    left -= truth["tolerated"]
    return Score(kept, sum(left.values()), sum(truth["good"].values()), sum(truth["unsure"].values()) - unsure)


def best(truth, outcome):
    attempts = [outcome] if isinstance(outcome, list) else list(outcome)
    scores = [score(truth, records) for records in attempts + [[]]]
    return max(scores, key=lambda score: score.kept - score.phantoms)


def load_truth(directory):
    for line in (directory / "manifest.jsonl").read_text().split("\n"):
        if not line:
            continue
        entry = json.loads(line)
        data = (directory / entry["file"]).read_bytes()
        for kind in ("good", "unsure", "tolerated"):
            texts = (data[at : at + length].decode() for at, length in entry[kind])
            entry[kind] = collections.Counter(map(parse, texts))
        yield entry


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one-in", type=int, default=1, help="only one file in so many")
    parser.add_argument("--tools", default="", help="some of them, separated by commas")
    parser.add_argument("--keep", help="leave the files in this directory")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(args.keep or scratch).resolve()
        make = ["cargo", "run", "--release", "--quiet", "-p", "loader-damage", "--bin", "damage-files", "--"]
        arguments = [directory, str(args.seed), str(args.one_in)]
        subprocess.run(make + arguments, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        files = list(load_truth(directory))
        groups = [(title, [truth for truth in files if belongs(truth)]) for title, belongs in GROUPS]
        totals = {}
        for name, read in tools([tool for tool in args.tools.split(",") if tool]):
            for title, members in groups:
                scores = [best(truth, read(directory / truth["file"])) for truth in members]
                totals[title, name] = scores
            print(f"{name}: done", file=sys.stderr)
        for title, members in groups:
            records = sum(sum(truth["good"].values()) for truth in members)
            print(f"\n**{title}**: {len(members)} files, {records} good records\n")
            print("| | good records kept | files perfect | rows made up |\n|---|---:|---:|---:|")
            for (group, name), scores in totals.items():
                if group == title:
                    kept = 100 * sum(s.kept for s in scores) / max(1, records)
                    perfect = sum(s.kept == s.good and s.phantoms == 0 for s in scores)
                    print(f"| {name} | {kept:.1f} % | {perfect} | {sum(s.phantoms for s in scores)} |")


if __name__ == "__main__":
    main()
