#!/usr/bin/env python3
"""What DuckDB and Python's csv.Sniffer find out of three collections of CSV files whose dialects are known.

    sniff.py COLLECTION

COLLECTION is a clone of ws-garcia/CSVsniffer. What is counted is what the example
`sniff-report` counts of loader. Files that the clone does not have are passed over.
"""

import collections
import csv
import pathlib
import sys

COLLECTIONS = {
    "CSV": "POLLOCK-dialect_annotations.txt",
    "W3C-CSVW": "W3C-CSVW-dialect_annotations.txt",
    "CSV_Wrangling": "CCSV-manual_Dialect_Annotation.txt",
}

# The words that the truths have for delimiters and quotes.
WORDS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "vslash": "|",
    "space": " ",
    "nsign": "#",
    "doublequote": '"',
    "singlequote": "'",
}

# So much of a file is what csv.Sniffer gets to see.
HEAD = 512 * 1024


def truths(collection, folder):
    """The files that are there, with their delimiters and quotes."""
    path = collection / "python" / "ground truth" / COLLECTIONS[folder]
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        truth = line.split("|")
        file = collection / "python" / folder / truth[0]
        if not line.startswith("#") and len(truth) > 5 and file.is_file():
            yield file, WORDS.get(truth[2], truth[2]), WORDS.get(truth[3], truth[3])


def text_of(path):
    """Text in UTF-16 is told by its BOM; all else is taken byte by byte."""
    content = path.read_bytes()
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return content.decode("utf-16" if utf16 else "latin-1", errors="replace")


def reads_alike(text, delimiter, quotes):
    """Whether no field begins with one of the quotes, so that none encloses anything."""
    for at, letter in enumerate(text):
        if letter in quotes:
            before = text[max(0, at - 100) : at].rstrip(" ")
            if at == 0 or not before or before.endswith((delimiter, "\n", "\r")):
                return False
    return True


def duckdb_sniffer(ignore_errors):
    import duckdb

    session = duckdb.connect()

    def sniff(path):
        query = "SELECT Delimiter, Quote FROM sniff_csv(?, ignore_errors = ?)"
        try:
            delimiter, quote = session.execute(query, [str(path), ignore_errors]).fetchone()
        except duckdb.Error:
            return None
        return delimiter, "" if quote in (None, "(empty)", "\0") else quote

    return sniff


def python_sniffer(path):
    try:
        found = csv.Sniffer().sniff(text_of(path)[:HEAD])
    except csv.Error:
        return None
    return found.delimiter, found.quotechar or ""


def verdict(path, found, delimiter, quote):
    if found is None:
        return "refused"
    if found[0].strip(" ") != delimiter and found[0] != delimiter:
        return "wrong"
    if found[1] == quote:
        return "right"
    return "alike" if reads_alike(text_of(path), delimiter, {found[1], quote} - {""}) else "another quote"


def main():
    collection = pathlib.Path(sys.argv[1])
    tools = {
        "DuckDB": duckdb_sniffer(False),
        "DuckDB, ignore_errors": duckdb_sniffer(True),
        "csv.Sniffer": python_sniffer,
    }
    for folder in COLLECTIONS:
        files = list(truths(collection, folder))
        for name, sniff in tools.items():
            counts = collections.Counter(verdict(path, sniff(path), *truth) for path, *truth in files)
            delimiters = counts["right"] + counts["alike"] + counts["another quote"]
            print(f"{folder}, {name}: {len(files)} files, delimiter right {delimiters}, {dict(counts)}")


if __name__ == "__main__":
    main()
