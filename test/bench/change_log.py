"""What it costs to track changes: an UPDATE of 100,000 profiles with the tracking trigger and without.

Where the new version of a row finds room in its page, an UPDATE costs a third of
what it costs elsewhere, and each run would leave other room to the next; so every
run begins with a table just as a first import leaves it.

Imports write to the change log in the same way; the share of a first import is to
be had with perf (see README.md), for without the trigger it would go another way.
"""
from harness import LICENSE, Contestant

ROWS = 200000
RUNS = 9

NEW_ACCOUNT = """
DROP SCHEMA IF EXISTS acme CASCADE;
SELECT create_account('acme', 'linkedin_learning');
SELECT add_license('acme', '%s');
SELECT count(*) FROM import_file('acme', '%%s');
SELECT count(*) FROM acme.changes;
ANALYZE acme.profiles;
""" % LICENSE

PREPARE = """
CLUSTER acme.profiles USING profiles_pkey;
TRUNCATE acme.changes, acme.feed_record_doubts;
ALTER TABLE acme.profiles %s TRIGGER change_log_update;
"""


def subject(bench):
    """The trigger on and off, for one column and for three."""
    roster = bench.roster(min(bench.rows, ROWS))
    count = roster.rows // 2
    bench.execute(NEW_ACCOUNT % roster.base)
    updates = {
        "one column": "work_title = concat(work_title, '.')",
        "three columns": "work_title = concat(work_title, '.'), preferred_first_name = concat(preferred_first_name, '.'),"
                         " preferred_last_name = concat(preferred_last_name, '.')",
    }
    bench.options.runs, saved = 1 if bench.options.quick else RUNS, bench.options.runs
    for number, (what, assignments) in enumerate(updates.items()):
        update = "UPDATE acme.profiles SET %s WHERE profile_id <= %d;" % (assignments, count)
        logged = count * (1 if number == 0 else 3)
        bench.race("UPDATE of %s profiles, %s" % (format(count, ","), what), [
            Contestant("tracked", before=PREPARE % "ENABLE", run=update,
                       check="SELECT count(*) = %d FROM acme.changes;" % logged),
            Contestant("not tracked", peer=True, before=PREPARE % "DISABLE", run=update,
                       check="SELECT count(*) = 0 FROM acme.changes;"),
        ], goals=[("tracked", "not tracked", 1.10, 1.05)] if number == 0 else [])
    bench.options.runs = saved
