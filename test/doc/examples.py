#!/usr/bin/env python3
"""test/doc/examples.py [--write] PAGE...: runs the examples of pages of Markdown.

Each page gets a database of its own, with the extension in it unless the page
makes that itself, and a directory of its own, with doc/ in it and a file users.csv
to work on.  Each block of SQL (```sql) goes to a psql of its own, each block of the
shell's commands (```sh) to a shell, in order.  If a block of text (```text) follows
it, that is what must be printed, but for dates and times in the shell's; if none does,
there must be no error.  With --write, the blocks of text are replaced by what was printed.

Commands that need more than a database are run by other tests: what installs and
removes (test/acceptance), and recipes (test/t/064_recipes.pl, 073_sftp.pl).
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

EXAMPLE = re.compile(r"^```(?P<language>sql|sh)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<text>.*?)^```\n)?", re.M | re.S)

# A command in a block of the shell's that another test runs.
ELSEWHERE = re.compile(r"^(make|sudo|doc/recipes/|psql .* cron\.)", re.M)

# An export's files have the day in their names; "status" says when.
TIMES = [(r"-20\d{6}-", "-20260131-"), (r"\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d\S*)?", "2026-01-31 02:30:00+00")]

ROLES = "\\t\nSELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_'"
DATABASES = "\\t\nSELECT quote_ident(datname) FROM pg_database"


def execute(command, text, directory, database):
    """What a program prints that reads the text, without blanks at the ends of lines, and whether it failed."""
    done = subprocess.run(
        command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", check=False, cwd=directory,
        env={**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8", "PGDATABASE": database})
    output = re.sub(r"[ \t\r]+$", "", done.stdout, flags=re.M)
    return output.strip("\n") + "\n", done.returncode != 0


def psql(database, sql):
    """What psql prints, and whether it tells of an error."""
    output, _ = execute(["psql", "-X", "-q", "-v", "SHOW_CONTEXT=never"], sql, None, database)
    return output, re.search(r"^(psql:.*)?(ERROR|FATAL|error):", output, re.M) is not None


def shell(database, commands, directory):
    """The same of the shell's commands, of which none may fail; with all dates and times alike."""
    output, failed = execute(["bash", "-uc", f"trap 'failed=yes' ERR\n{commands}\ntest -z \"${{failed:-}}\""], "", directory, database)
    for pattern, replacement in TIMES:
        output = re.sub(pattern, lambda found, by=replacement: by[:len(found[0])], output)
    return output, failed


def is_left_out(example):
    """Is it run elsewhere, or does it need the client where that is not built?"""
    return example["language"] == "sh" and (
        ELSEWHERE.search(example["code"]) is not None or
        re.search(r"^orgsync ", example["code"], re.M) is not None and shutil.which("orgsync") is None)


def run_page(page, write):
    """Runs a page's examples; returns how many there are and how many failed."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    database = "page_" + re.sub(r"\W+", "_", page.lower())
    roles, _ = psql("postgres", ROLES)
    databases, _ = psql("postgres", DATABASES)
    trouble, failed = psql("postgres", f"CREATE DATABASE {database}")
    if failed:
        sys.exit(trouble)
    if "CREATE EXTENSION orgsync;" not in text:
        psql(database, "CREATE EXTENSION orgsync")
    top = os.getcwd()
    directory = tempfile.TemporaryDirectory()
    os.symlink(f"{top}/doc", f"{directory.name}/doc")
    shutil.copy(f"{top}/test/data/learning_users.csv", f"{directory.name}/users.csv")
    counts = {"run": 0, "failed": 0}

    def run(example):
        counts["run"] += 1
        if is_left_out(example):
            return example[0]
        line = text.count("\n", 0, example.start()) + 1
        code = example["code"]
        output, failed = psql(database, code) if example["language"] == "sql" else shell(database, code, directory.name)
        expected = example["text"]
        if expected is None:
            if failed:
                counts["failed"] += 1
                print(f"{page}:{line}: {output}")
            return example[0]
        if output != expected and not write:
            counts["failed"] += 1
            sys.stdout.writelines(difflib.unified_diff(
                expected.splitlines(True), output.splitlines(True), f"{page}:{line}, as it is written", "as it is run"))
        return f"```{example['language']}\n{code}```\n\n```text\n{output}```\n"

    result = EXAMPLE.sub(run, text)
    directory.cleanup()
    psql("postgres", f"DROP DATABASE {database}")
    for kind, query, before in (("DATABASE", DATABASES, databases), ("ROLE", ROLES, roles)):
        for name in set(psql("postgres", query)[0].split()) - set(before.split()) - {database}:
            psql("postgres", f"DROP {kind} {name}")
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
