"""What it costs to track changes: with the tracking trigger and without.

An UPDATE of 100,000 profiles takes a third where the new version of a row finds
room in its page, since the indexes need not know of it then; and each run leaves
other room to the next.  So there are two races, and every run of each begins with
the same table: without any room, as a first import leaves it, or with room for all.

A first import writes below the triggers, and heeds it if the owner has switched
off the one that notes changes.
"""
from harness import LICENSE, Contestant

ROWS = 200000

# Two runs differ by much more than the goal allows for; less matters where there is none.
RUNS = 21
RUNS_WITHOUT_GOAL = 5

NEW_ACCOUNT = """
DROP SCHEMA IF EXISTS acme CASCADE;
SELECT create_account('acme', 'linkedin_learning');
SELECT add_license('acme', '%s');
""" % LICENSE

IMPORT = "SELECT count(*) FROM import_file('acme', '%s');"

# A page is never fuller than the fillfactor says.
PREPARE = """
ALTER TABLE acme.profiles SET (fillfactor = %d);
CLUSTER acme.profiles USING profiles_pkey;
ALTER TABLE acme.profiles RESET (fillfactor);
TRUNCATE acme.changes, acme.feed_record_doubts;
ALTER TABLE acme.profiles %s TRIGGER change_log_update;
"""

ROOM = {"pages are full": 100, "there is room in all pages": 45}

UPDATES = {
    "one column": "work_title = concat(work_title, '.')",
    "three columns": "work_title = concat(work_title, '.'), preferred_first_name = concat(preferred_first_name, '.'),"
                     " preferred_last_name = concat(preferred_last_name, '.')",
}


def race(bench, title, before, run, logged, has_goal=True):
    """Tracked against not tracked; before has a place for what is done to the trigger."""
    bench.race(title, [
        Contestant("tracked", before=before % "ENABLE", run=run, check="SELECT count(*) = %d FROM acme.changes;" % logged),
        Contestant("not tracked", peer=True, before=before % "DISABLE", run=run,
                   check="SELECT count(*) = 0 FROM acme.changes;"),
    ], computing_goals=[("tracked", "not tracked", 1.10, 1.05)] if has_goal else [])


def subject(bench):
    """Updates of one column and of three, and a first import."""
    runs = bench.options.runs
    roster = bench.roster(min(bench.rows, ROWS))
    count = roster.rows // 2
    bench.execute(NEW_ACCOUNT + IMPORT % roster.base + "ANALYZE acme.profiles;")
    for room, fillfactor in ROOM.items():
        for number, (what, assignments) in enumerate(UPDATES.items()):
            if not bench.options.quick:
                bench.options.runs = RUNS if number == 0 else RUNS_WITHOUT_GOAL
            race(bench, "UPDATE of %s profiles, %s; %s" % (format(count, ","), what, room), PREPARE % (fillfactor, "%s"),
                 "UPDATE acme.profiles SET %s WHERE profile_id <= %d;" % (assignments, count),
                 count * (1 if number == 0 else 3), number == 0)
    bench.options.runs = runs

    roster = bench.roster()
    people = int(bench.execute(NEW_ACCOUNT + IMPORT % roster.base + "SELECT count(*) FROM acme.profiles;").split()[-1])
    race(bench, "first import (%s rows)" % format(roster.rows, ","),
         NEW_ACCOUNT + "ALTER TABLE acme.profiles %s TRIGGER change_log_insert;", IMPORT % roster.base, people)
