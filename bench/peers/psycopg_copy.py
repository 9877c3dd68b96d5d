"""Loads a newline-delimited file with psycopg's copy(), in blocks of 256 kB.

psycopg_copy.py CONNINFO FILE TABLE; what it says to whom: bench/src/peers/client.rs.
"""

import sys
import time

import psycopg

conninfo, path, table = sys.argv[1:]
connection = psycopg.connect(conninfo)
print(connection.info.backend_pid, flush=True)
sys.stdin.readline()

start = time.perf_counter()
statement = f"COPY {table} (data) FROM STDIN WITH (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')"
with open(path, "rb") as file, connection.cursor() as cursor:
    with cursor.copy(statement) as copy:
        while block := file.read(256 * 1024):
            copy.write(block)
connection.commit()
print(time.perf_counter() - start, flush=True)
sys.stdin.readline()
