"""A trickle: many small files into a large account.

Each statement is timed as psql sees it, so with the way there and back, and is a
transaction of its own; synchronous_commit is off, for what is asked is the server's work.
"""
import csv
import io
import random
import re
import statistics
import subprocess
import tempfile

from harness import LICENSE, Failure

IMPORTS = 10000
ROWS = 10


def files(roster, count, first_number):
    """So many files of nine people with another title and one who is new; yields their texts."""
    with open(roster.base, encoding="utf-8", newline="") as file:
        header, *people = csv.reader(file)
    choice = random.Random(count)
    for number in range(first_number, first_number + count):
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(header)
        for place, person in enumerate(choice.sample(people, ROWS)):
            person = list(person)
            person[header.index("work_title")] = "Trickle %d" % number
            if place == 0:
                person[header.index("primary_email_address")] = "trickle.%d@example.org" % number
                person[header.index("unique_user_id")] = "TRICKLE%d" % number
                person[header.index("preferred_first_name")] = "New%d" % number
            writer.writerow(person)
        yield out.getvalue()


def measure(bench, roster, feed, count, first_number):
    """Server time of each of so many imports, and whether all of them did their work."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
        script.write("SET search_path = orgsync;\nSET synchronous_commit = off;\n\\timing on\n")
        for text in files(roster, count, first_number):
            script.write("SELECT state, created, updated FROM import_csv('acme', $csv$%s$csv$::text, feed => '%s');\n"
                         % (text, feed))
        script.flush()
        said = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", bench.database, "-f", script.name],
                              check=True, capture_output=True, text=True, encoding="utf-8").stdout
    done = said.count("applied|1|%d\n" % (ROWS - 1))
    if done != count:
        raise Failure("trickle: %d of %d imports did what they should" % (done, count))
    times = [float(t) for t in re.findall(r"^Time: ([0-9.]+) ms", said, re.MULTILINE)]
    tenth = count // 10
    bench.say("\ntrickle: %d imports of %d rows each into %s profiles, feed \"%s\": %.2f to %.2f ms, mean %.2f" % (
        count, ROWS, format(roster.rows, ","), feed, min(times), max(times), statistics.mean(times)))
    bench.goal("an import of the trickle, median", statistics.median(times), 2, 1, unit=" ms")
    bench.goal("the last tenth of them / the first",
               statistics.median(times[-tenth:]) / statistics.median(times[:tenth]), 1.25)


def subject(bench):
    """By the feed that brought the people, and by one of its own, which brings them one by one."""
    roster = bench.roster()
    count = 200 if bench.options.quick else IMPORTS
    bench.execute("""SELECT create_account('acme', 'linkedin_learning');
        SELECT add_license('acme', '%s', seats => %d);
        SELECT count(*) FROM import_file('acme', '%s');
        VACUUM ANALYZE;""" % (LICENSE, roster.rows + 2 * count, roster.base))
    measure(bench, roster, "default", count, 0)
    measure(bench, roster, "trickle", count // 10, count)
