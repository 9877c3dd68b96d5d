"""Loads a newline-delimited file with psycopg2's execute_values, in chunks of 10,000.

execute_values.py CONNINFO FILE TABLE; what it says to whom: bench/src/peers/client.rs.
"""

import sys
import time

import psycopg2
from psycopg2.extras import execute_values

conninfo, path, table = sys.argv[1:]
connection = psycopg2.connect(conninfo)
print(connection.info.backend_pid, flush=True)
sys.stdin.readline()

start = time.perf_counter()
with open(path, encoding="utf-8", newline="\n") as file, connection.cursor() as cursor:
    rows = ((line,) for line in file)
    execute_values(cursor, f"INSERT INTO {table} (data) VALUES %s", rows, page_size=10_000)
connection.commit()
print(time.perf_counter() - start, flush=True)
sys.stdin.readline()
