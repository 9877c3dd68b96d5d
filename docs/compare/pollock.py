#!/usr/bin/env python3
"""The Pollock benchmark of CSV loading (VLDB 2023) for loader, DuckDB and COPY.

    pollock.py COLLECTION [--dsn DSN] [--runs TEXT] [--only TEXT] [--losses N] [--keep DIR]

COLLECTION is a clone of the benchmark's repository, HPI-Information-Systems/Pollock.
Each run loads each of its polluted files, writes what arrived as CSV, and has that
scored by the functions of the benchmark itself. The server that the DSN names must
be able to read the files and must have the extension. What is left behind there are
the rows in the extension's history. A tool that is not installed is left out.
"""

import argparse
import atexit
import collections
import csv
import functools
import io
import json
import pathlib
import re
import sys
import tempfile

# What a file without a row in it is written as when its load fails.
FAILED = "Application Error"


def parameters(directory, name):
    """The dialect of a file, with the defaults of the benchmark's own runs."""
    given = json.loads((directory / "parameters" / f"{name}_parameters.json").read_text())
    names = [column.strip() for column in given["column_names"]]
    return {
        "encoding": "UTF8" if given["encoding"] in ("ascii", "") else given["encoding"],
        "delimiter": given["delimiter"] or ",",
        "quote": given["quotechar"] or '"',
        "escape": given["escapechar"] or '"',
        "header": int(given["header_lines"]),
        "skip": int(given["preamble_lines"]),
        "columns": names or [f"col_{at}" for at in range(max(1, int(given["n_columns"])))],
    }


class Loaded:
    """What came of a file: the names of its columns, if it has a header, and its rows."""

    def __init__(self, header, rows):
        self.header = header
        self.rows = rows

    def write(self, path):
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, quoting=csv.QUOTE_ALL)
            if self.header is not None:
                out.writerow(self.header)
            out.writerows([["" if cell is None else cell for cell in row] for row in self.rows])


class Server:
    """A session with one table, made anew for each file."""

    def __init__(self, dsn):
        import psycopg

        self.error = psycopg.Error
        self.session = psycopg.connect(dsn, autocommit=True, prepare_threshold=None)
        atexit.register(self.session.close)
        self.session.execute("SET client_min_messages = error")
        self.table = f"pollock_{self.session.info.backend_pid}"

    def value(self, query, arguments=None):
        return self.session.execute(query, arguments).fetchone()[0]

    def create(self, columns):
        from psycopg import sql

        fields = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in columns)
        self.session.execute(sql.SQL(f"CREATE TABLE {self.table} ({{}})").format(fields))

    def rows(self):
        return self.session.execute(f"TABLE {self.table}").fetchall()

    def fields(self):
        """The names of the fields: seed_table leaves them as comments of the columns."""
        query = """
            SELECT coalesce(col_description(attrelid, attnum), attname)
            FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"""
        return [name for (name,) in self.session.execute(query, [self.table])]

    def run(self, load):
        """A function of path and parameters that loads by `load` and drops the table."""

        def read(path, given):
            try:
                return load(path, given)
            finally:
                self.session.execute(f"DROP TABLE IF EXISTS {self.table}")

        return read


def loader_alone(server):
    def load(path, _):
        arguments = [server.table, str(path)]
        seed = "SELECT seed_table(%s, %s, infer_types => false, normalize_names => false, rescue => false)"
        server.session.execute(seed, arguments)
        load_id = server.value("SELECT load_id FROM load_csv_file(%s, %s)", arguments[::-1])
        header = server.value("SELECT dialect->>'header' FROM loader.load_history WHERE load_id = %s", [load_id])
        return Loaded(server.fields() if int(header) > 0 else None, server.rows())

    return server.run(load)


def loader_given(server, strict):
    """As the benchmark runs DuckDB: the columns are given, and the header is skipped."""

    def load(path, given):
        server.create(given["columns"])
        skip = given["skip"] + given["header"]
        arguments = {**given, "path": str(path), "table": server.table, "strict": strict, "skip": skip}
        server.session.execute(
            "SELECT * FROM load_csv_file(%(path)s, %(table)s, delimiter => %(delimiter)s, quote => %(quote)s, "
            "escape => %(escape)s, header => false, skip => %(skip)s, strict_mode => %(strict)s)",
            arguments,
        )
        return Loaded(given["columns"] if given["header"] > 0 else None, server.rows())

    return server.run(load)


def copy_given(server):
    def load(path, given):
        from psycopg import sql

        server.create(given["columns"])
        options = {"DELIMITER": "delimiter", "QUOTE": "quote", "ESCAPE": "escape", "ENCODING": "encoding"}
        clauses = [sql.SQL("{} {}").format(sql.SQL(word), given[key]) for word, key in options.items()]
        clauses.append(sql.SQL("HEADER {}").format(given["header"] > 0))
        statement = sql.SQL(f"COPY {server.table} FROM {{}} (FORMAT csv, {{}})")
        server.session.execute(statement.format(str(path), sql.SQL(", ").join(clauses)))
        return Loaded(given["columns"] if given["header"] > 0 else None, server.rows())

    return server.run(load)


# As the benchmark has it, but for `parallel`: DuckDB 2 refuses hundreds of the files otherwise, and says so.
LENIENT = {"strict_mode": False, "ignore_errors": True, "null_padding": True, "parallel": False}


class DuckDB:
    """DuckDB, as the scripts of the benchmark call it unless it says otherwise."""

    def __init__(self):
        import duckdb
        import pandas  # noqa: F401 (what relations are read by)

        self.error = duckdb.Error
        self.session = duckdb.connect()

    def rows(self, path, **arguments):
        """The names of the columns, and the rows as text."""
        relation = self.session.read_csv(str(path), **LENIENT, **arguments)
        text = relation.df().to_csv(index=False, header=False, lineterminator="\n")
        return relation.columns, csv.reader(io.StringIO(text, newline=""))

    def alone(self, path, _):
        """Values are typed, and there is always a header."""
        return Loaded(*self.rows(path))

    def text(self, path, _):
        """Not as the benchmark does: values as text, and a header where DuckDB finds one."""
        options = ", ".join(f"{name} = {value}" for name, value in LENIENT.items())
        query = f"SELECT HasHeader FROM sniff_csv(?, {options})"
        ((header,),) = self.session.execute(query, [str(path)]).fetchall()
        columns, rows = self.rows(path, all_varchar=True)
        return Loaded(columns if header else None, rows)

    def given(self, path, given):
        """But that the benchmark writes a header even where there is none."""
        columns, rows = self.rows(
            path,
            delimiter=given["delimiter"],
            quotechar=given["quote"],
            escapechar=given["escape"],
            skiprows=given["skip"] + given["header"],
            header=False,
            columns={name: "VARCHAR" for name in given["columns"]},
            auto_detect=False,
        )
        return Loaded(columns if given["header"] > 0 else None, rows)


def runs(dsn, wanted):
    """Name, function of path and parameters, and what it raises for a file that it cannot load."""

    connect = functools.cache(Server)

    def server_run(make, *arguments):
        server = connect(dsn)
        return make(server, *arguments), server.error

    def duckdb_run(read):
        tool = DuckDB()
        return functools.partial(read, tool), tool.error

    made = {
        "loader, path alone": lambda: server_run(loader_alone),
        "loader, dialect and columns given": lambda: server_run(loader_given, True),
        "loader, dialect and columns given, strict_mode false": lambda: server_run(loader_given, False),
        "DuckDB, path alone": lambda: duckdb_run(DuckDB.alone),
        "DuckDB, path alone, all text, header as found": lambda: duckdb_run(DuckDB.text),
        "DuckDB, dialect and columns given": lambda: duckdb_run(DuckDB.given),
        "COPY, dialect and columns given": lambda: server_run(copy_given),
    }
    for name, make in made.items():
        if wanted.lower() not in name.lower():
            continue
        try:
            yield name, *make()
        except ImportError as missing:
            print(f"{name}: not installed ({missing})", file=sys.stderr)


class Benchmark:
    """The files of the collection, and its way to score what came of them."""

    def __init__(self, collection, only):
        sys.path.insert(0, str(collection))
        from pollock import metrics

        metrics.normalize_cell = functools.lru_cache(maxsize=None)(metrics.normalize_cell)
        self.metrics = metrics
        self.directory = collection / "polluted_files"
        self.weights = json.loads((collection / "pollock_weights.json").read_text())
        names = sorted(path.name for path in (self.directory / "csv").iterdir() if path.name.endswith("csv"))
        self.files = [name for name in names if only in name]

    def points(self, name, written):
        """The sum of the ten numbers of a file, as in evaluate.py."""
        try:
            if not self.metrics.successful_csv(written):
                return 0.0
            clean = self.directory / "clean" / name
            return 1.0 + float(sum(self.metrics.header_record_cell_measures_csv(clean, written)))
        except Exception as unreadable:
            print(f"{name}: not scored ({unreadable})", file=sys.stderr)
            return 1.0

    def run(self, read, error, scratch):
        """The points of each file, and the errors of those that could not be loaded."""
        points, errors = {}, {}
        for name in self.files:
            written = scratch / f"{name}_converted.csv"
            try:
                read(self.directory / "csv" / name, parameters(self.directory, name)).write(written)
            except error as failure:
                errors[name] = str(failure).strip()
                written.write_text(f"{FAILED}\n{failure}")
            points[name] = self.points(name, written)
        return points, errors

    def weighted(self, points):
        total = sum(self.weights[name] for name in points)
        return sum(self.weights[name] * value for name, value in points.items()) / total


def kind(name):
    """What was done to a file, without where it was done."""
    return re.sub(r"(?<![x\d])\d+(?!x)", "N", name) if name.startswith("row_") else name


def losses(benchmark, points, errors, most):
    """What the files of each kind lose of 10 points, those first that lose most by weight."""
    lost = collections.defaultdict(list)
    for name, value in points.items():
        lost[kind(name)].append((10 - value, name))
    total = sum(benchmark.weights[name] for name in points)
    table = []
    for word, files in lost.items():
        by_weight = sum(loss * benchmark.weights[name] for loss, name in files) / total
        table.append((by_weight, sum(loss for loss, _ in files) / len(points), word, len(files), max(files)))
    print("  weighted   simple  files  kind (its worst file)")
    for by_weight, simple, word, count, (loss, name) in sorted(table, reverse=True)[:most]:
        reason = errors.get(name, "").splitlines()[:2]
        print(f"  {by_weight:8.4f} {simple:8.4f} {count:6}  {word} ({name}: {loss:.3f} lost)", *reason)
    print("  files that lose most")
    for name in sorted(points, key=points.get)[:most]:
        print(f"  {10 - points[name]:8.4f}  {name}", *errors.get(name, "").splitlines()[:2])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=pathlib.Path)
    parser.add_argument("--dsn", default="", help="of a server with the extension; as for psql where it is not given")
    parser.add_argument("--runs", default="", help="only runs with this in their name")
    parser.add_argument("--only", default="", help="only files with this in their name")
    parser.add_argument("--losses", type=int, default=0, help="say where the points go, so many lines of it")
    parser.add_argument("--keep", type=pathlib.Path, help="leave what was loaded in this directory")
    args = parser.parse_args()
    benchmark = Benchmark(args.collection.resolve(), args.only)
    scores = []
    for name, read, error in runs(args.dsn, args.runs):
        with tempfile.TemporaryDirectory() as temporary:
            scratch = args.keep / name.replace(", ", "-").replace(" ", "-") if args.keep else pathlib.Path(temporary)
            scratch.mkdir(parents=True, exist_ok=True)
            points, errors = benchmark.run(read, error, scratch)
        scores.append((name, points, errors))
        print(f"{name}: {len(errors)} files not loaded", file=sys.stderr)
        if args.losses:
            losses(benchmark, points, errors, args.losses)
    print("\n| | simple | weighted | files not loaded |\n|---|---:|---:|---:|")
    for name, points, errors in scores:
        simple = sum(points.values()) / len(points)
        print(f"| {name} | {simple:.3f} | {benchmark.weighted(points):.3f} | {len(errors)} |")


if __name__ == "__main__":
    main()
