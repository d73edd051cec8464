#!/usr/bin/env python3
"""test/doc/examples.py [--write] PAGE...: runs the examples of pages of Markdown.

Each page gets a database of its own, with the extension in it unless the page
makes that itself.  Each block of SQL (```sql) goes to a psql of its own, in
order.  If a block of text (```text) follows it, that is what psql must print; if
none does, it must print no error.  With --write, the blocks of text are replaced
by what was printed.
"""

import difflib
import os
import re
import subprocess
import sys

EXAMPLE = re.compile(r"^```sql\n(?P<sql>.*?)^```\n(?:\n```text\n(?P<text>.*?)^```\n)?", re.M | re.S)

ROLES = "\\t\nSELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_'"


def psql(database, sql):
    """What psql prints, without blanks at the ends of lines."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "SHOW_CONTEXT=never", "-d", database], input=sql, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", check=False,
        env={**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"})
    output = re.sub(r"[ \t\r]+$", "", done.stdout, flags=re.M)
    return output.strip("\n") + "\n"


def run_page(page, write):
    """Runs a page's examples; returns how many there are and how many failed."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    database = "page_" + re.sub(r"\W+", "_", page.lower())
    roles = psql("postgres", ROLES)
    trouble = psql("postgres", f"CREATE DATABASE {database}").strip()
    if trouble:
        sys.exit(trouble)
    if "CREATE EXTENSION orgsync;" not in text:
        psql(database, "CREATE EXTENSION orgsync")
    counts = {"run": 0, "failed": 0}

    def run(example):
        counts["run"] += 1
        line = text.count("\n", 0, example.start()) + 1
        output = psql(database, example["sql"])
        expected = example["text"]
        if expected is None:
            if re.search(r"^(psql:.*)?(ERROR|FATAL|error):", output, re.M):
                counts["failed"] += 1
                print(f"{page}:{line}: {output}")
            return example[0]
        if output != expected and not write:
            counts["failed"] += 1
            sys.stdout.writelines(difflib.unified_diff(
                expected.splitlines(True), output.splitlines(True), f"{page}:{line}, as it is written", "as it is run"))
        return f"```sql\n{example['sql']}```\n\n```text\n{output}```\n"

    result = EXAMPLE.sub(run, text)
    psql("postgres", f"DROP DATABASE {database}")
    for role in set(psql("postgres", ROLES).split()) - set(roles.split()):
        psql("postgres", f"DROP ROLE {role}")
    if write and result != text:
        with open(page, "w", encoding="utf-8") as file:
            file.write(result)
    return counts["run"], counts["failed"]


def main():
    pages = sys.argv[1:]
    write = pages[:1] == ["--write"]
    failures = 0
    for page in pages[1 if write else 0:]:
        run, failed = run_page(page, write)
        failures += failed
        print(f"{page}: {run} examples, {failed} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
