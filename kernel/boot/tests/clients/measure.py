# Rows a second of one big answer, over each wire and over HTTP, each read to its end three times; the best counts.
import time
import urllib.request

import adbc_driver_flightsql.dbapi
import psycopg
import pyarrow as pa

ROWS = 200_000
SQL = f"SELECT value AS id, value * 0.5 AS reading, 'sensor-' || value AS name FROM generate_series(1, {ROWS})"


def flight():
    with adbc_driver_flightsql.dbapi.connect(FLIGHT) as city, city.cursor() as cursor:
        cursor.execute(SQL)
        return sum(sum(batch.column("id").to_pylist()) for batch in cursor.fetch_record_batch())


def http():
    request = urllib.request.Request(URL + "/sql?format=arrow", SQL.encode())
    with urllib.request.urlopen(request) as answer, pa.ipc.open_stream(answer) as batches:
        return sum(sum(batch.column("id").to_pylist()) for batch in batches)


def pg(binary):
    with psycopg.connect(PG) as city, city.cursor(binary=binary) as cursor:
        cursor.execute(SQL)
        return sum(row[0] for row in cursor)


for name, read in [("http arrow", http), ("flight", flight), ("pg text", lambda: pg(False)), ("pg binary", lambda: pg(True))]:
    best = float("inf")
    for _ in range(3):
        begin = time.monotonic()
        assert read() == ROWS * (ROWS + 1) // 2
        best = min(best, time.monotonic() - begin)
    print(f"{name}: {ROWS / best:,.0f} rows/s")
