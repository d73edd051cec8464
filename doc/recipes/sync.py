#!/usr/bin/env python3
"""sync.py ACCOUNT FILE DIRECTORY: imports a file and writes the files to upload.

Needs psycopg2 (Debian: python3-psycopg2).  The connection is that of libpq's
environment: PGHOST, PGUSER, PGSERVICE, ...
"""

import pathlib
import sys

import psycopg2


def upload(path):
    """Hands a file to the vendor: put your delivery here."""
    print(f"upload {path.name}")


def sync(connection, account, file, directory):
    """The whole job; returns False if the file was refused."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT import_id, state, rows_read, rejected FROM orgsync.import_csv(%s, %s::bytea, source => %s)",
            (account, psycopg2.Binary(file.read_bytes()), file.name))
        import_id, state, rows_read, rejected = cursor.fetchone()
        print(f"import {import_id}: {state}, {rows_read} rows, {rejected} rejected")

        # The name stands here as it is: import_csv has refused what is no schema's name.
        cursor.execute(
            f"SELECT line, severity, code, message FROM {account}.import_findings WHERE import_id = %s ORDER BY line, finding_id",
            (import_id,))
        for line, severity, code, message in cursor:
            print(f"line {line}: {severity} {code}: {message}")
        if rejected > 0:
            cursor.execute("SELECT orgsync.results_csv(%s, %s)", (account, import_id))
            (directory / "rejected.csv").write_text(cursor.fetchone()[0], encoding="utf-8", newline="")
    if state != "applied":
        return False

    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT export_id, file_name, csv FROM orgsync.export_csv(%s)", (account,))
        files = cursor.fetchall()
    for _, name, csv in files:      # in the order in which to upload them
        (directory / name).write_text(csv, encoding="utf-8", newline="")
        upload(directory / name)
    if files:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT orgsync.confirm_export(%s, %s)", (account, files[0][0]))
        print(f"export {files[0][0]}: confirmed")
    return True


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: sync.py ACCOUNT FILE DIRECTORY")
    connection = psycopg2.connect("")
    try:
        done = sync(connection, sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    finally:
        connection.close()
    sys.exit(0 if done else 2)


if __name__ == "__main__":
    main()
