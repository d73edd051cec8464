#!/usr/bin/env python3
"""test/doc/examples.py [--write] PAGE...: runs the examples of pages of Markdown.
test/doc/examples.py --left-to TEST PAGE...: prints the commands that it leaves to that test.

Each page gets a database of its own, with the extension in it unless the page
makes that itself, and a directory of its own, with doc/ in it and a file users.csv
to work on.  Each block of SQL (```sql) goes to a psql of its own, each block of the
shell's commands (```sh) to a shell, in order.  If a block of text (```text) follows
it, that is what must be printed, but for dates and times in the shell's; if none does,
there must be no error.  With --write, the blocks of text are replaced by what was printed.

Commands that need more than a database are left to other tests, which ask for them and
run them as they stand: ELSEWHERE says which.  A block is run here, or each of its lines is
left to a test; anything else is a failure, and so is a block in a language that nobody runs.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

EXAMPLE = re.compile(r"^```(?P<language>sql|sh)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<text>.*?)^```\n)?", re.M | re.S)

FENCE = re.compile(r"^(```|~~~).*", re.M)

# How a command begins that a test in test/t runs, or a script that .ci/run runs: "make test"
# itself, and debian/check-packages, for no test may install packages.
ELSEWHERE = (
    ("make test ", ".ci/run"),
    ("make deb", "debian/check-packages"),
    ("sudo apt-get ", "debian/check-packages"),
    ("make demo ", "004_commands"),
    ("make && sudo make install ", "004_commands"),
    ("make installcheck ", "004_commands"),
    ("sudo -u postgres ", "004_commands"),
    ("export PGDATABASE=", "004_commands"),
    ("psql -d hr ", "004_commands"),
    ("psql -c \"SELECT start_time, ", "064_recipes"),
    ("doc/recipes/sync.", "064_recipes"),
    ("NODE_PATH=", "064_recipes"),
    ("JDBC_URL=", "064_recipes"),
    ("doc/recipes/deliver.sh ", "073_sftp"),
    ("orgsync confirm acme 17 ", "073_sftp"),
)

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


def lines_elsewhere(example):
    """The commands of a block, each with the test that it is left to, or None."""
    if example["language"] == "sql":
        return []
    return [(line, next((test for begin, test in ELSEWHERE if line.startswith(begin)), None))
            for line in example["code"].splitlines()]


def needs_client(example):
    """Does it need the client?"""
    return example["language"] == "sh" and re.search(r"^orgsync ", example["code"], re.M) is not None


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
        line = text.count("\n", 0, example.start()) + 1
        code = example["code"]
        elsewhere = lines_elsewhere(example)
        if any(test for _, test in elsewhere):
            for command in (command for command, test in elsewhere if test is None):
                counts["failed"] += 1
                print(f"{page}:{line}: neither run nor left to a test: {command}")
            return example[0]
        if needs_client(example) and shutil.which("orgsync") is None and not os.environ.get("CI"):
            return example[0]
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

    for fence in FENCE.finditer(EXAMPLE.sub("", text)):
        counts["failed"] += 1
        print(f"{page}: a block that is neither run nor what one prints: {fence[0]}")
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


def print_left(wanted, pages):
    """Prints the commands that are left to a test; fails if one is left to it that is on no page."""
    left = []
    for page in pages:
        with open(page, encoding="utf-8") as file:
            for example in EXAMPLE.finditer(file.read()):
                left += [line for line, test in lines_elsewhere(example) if test == wanted]
    print("\n".join(left))
    unused = [begin for begin, test in ELSEWHERE if test == wanted and not any(line.startswith(begin) for line in left)]
    for begin in unused:
        print(f"no page has: {begin}", file=sys.stderr)
    return 1 if unused or not left else 0


def main():
    pages = sys.argv[1:]
    if pages[:1] == ["--left-to"]:
        return print_left(pages[1], pages[2:])
    write = pages[:1] == ["--write"]
    failures = 0
    for page in pages[1 if write else 0:]:
        run, failed = run_page(page, write)
        failures += failed
        print(f"{page}: {run} examples, {failed} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
