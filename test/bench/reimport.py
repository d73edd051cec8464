"""The next day's file: 1 % changed, in another order; and the same file once more."""
import statistics

from harness import LICENSE, STATE_FUNCTIONS, Contestant

# The day before, whatever a run has made of it: an empty cell takes nothing back.
YESTERDAY = """
DELETE FROM acme.profiles USING labels WHERE primary_email_address = email::email_address;
SELECT count(*) FROM import_file('acme', '%s');
"""

# People who are absent stay as they were, for the import is additive.
EXPECTED = """
CREATE TABLE expected AS SELECT * FROM tomorrow
    UNION ALL SELECT r.* FROM reference AS r JOIN labels USING (email) WHERE kind LIKE 'removed%';
"""


# The day before, as people have it: imported, uploaded and confirmed, and cleaned up.
FIRST_DAY = """
SELECT create_account('daily', 'linkedin_learning');
SELECT add_license('daily', '%s', seats => %d);
SELECT count(*) FROM import_file('daily', '%s');
SELECT confirm_export('daily', export_id) FROM (SELECT DISTINCT export_id FROM export_csv('daily')) AS e;
VACUUM;
"""


def wal_of_second_day(bench, session, roster):
    """What was changed is all over the tables then, unlike what YESTERDAY has written anew."""
    second = Contestant("second day", before=FIRST_DAY % (LICENSE, roster.rows, roster.base),
                        run="SELECT count(*) FROM import_file('daily', '%s');" % roster.next,
                        check="SELECT public.account_state('daily') = public.file_state('expected');")
    written = bench.run_once(session, second)[1]
    bench.execute("DROP SCHEMA daily CASCADE;")
    return written


def subject(bench):
    """Ours, the peer's re-import, and COPY without anything."""
    roster = bench.roster()
    bench.load("reference", roster.base)
    bench.load("tomorrow", roster.next)
    bench.load("labels", roster.labels)
    bench.execute(STATE_FUNCTIONS + EXPECTED)
    bench.execute("CREATE UNLOGGED TABLE plain (LIKE reference);")
    bench.execute("""SELECT create_account('acme', 'linkedin_learning');
        SELECT add_license('acme', '%s', seats => %d);
        SELECT count(*) FROM import_file('acme', '%s');""" % (LICENSE, roster.rows, roster.base))
    bench.execute("""\\set csv '%s'
        \\i :peers/schema.sql
        \\i :peers/import_tuned.sql
        ALTER TABLE stage RENAME TO prev;
        CREATE TABLE stage (LIKE prev);""" % roster.base)
    title = "re-import, %%s (%s rows)" % format(roster.rows, ",")
    copy = Contestant("COPY into an unlogged text table", peer=True, size=roster.size, before="TRUNCATE plain;",
                      run="COPY plain FROM '%s' WITH (FORMAT csv, HEADER);" % roster.next)
    changed = Contestant(
        "import_file", size=roster.size, before=YESTERDAY % roster.base,
        run="SELECT rows_read, created, updated, unchanged, rejected FROM import_file('acme', '%s') \\gset" % roster.next,
        check="""SELECT :rejected = 0 AND :rows_read = (SELECT count(*) FROM tomorrow)
            AND :created = (SELECT count(*) FROM labels WHERE kind = 'added')
            AND :updated = (SELECT count(*) FROM labels WHERE kind IN ('title', 'group', 'licence'))
            AND :unchanged = :rows_read - :created - :updated
            AND public.account_state('acme') = public.file_state('expected');""")
    full = Contestant(
        "import_file", size=roster.size, before=YESTERDAY % roster.base,
        run="SELECT rows_read, created, absent, rejected FROM import_file('acme', '%s', mode => 'full') \\gset" % roster.next,
        check="""SELECT :rejected = 0 AND :rows_read = (SELECT count(*) FROM tomorrow)
            AND :created = (SELECT count(*) FROM labels WHERE kind = 'added')
            AND :absent BETWEEN 1 AND (SELECT count(*) FROM labels WHERE kind LIKE 'removed%')""")
    tuned = Contestant(
        "reimport_tuned.sql", peer=True, size=roster.size,
        before="""DROP TABLE IF EXISTS stage;
            DELETE FROM profile_license USING profile JOIN labels USING (email) WHERE profile_id = id;
            DELETE FROM profile_group USING profile JOIN labels USING (email) WHERE profile_id = id;
            DELETE FROM profile USING labels WHERE profile.email = labels.email;
            \\set csv '%s'
            \\i :peers/reimport_tuned.sql
            DROP TABLE stage;
            \\set csv '%s'""" % (roster.base, roster.next),
        run="\\i :peers/reimport_tuned.sql", check="SELECT (SELECT count(*) FROM prev) = (SELECT count(*) FROM tomorrow);")
    bench.race(title % "1 % changed", [changed, tuned, copy], goals=[
        ("import_file", "reimport_tuned.sql", 0.2, 0.12),
        ("import_file", "COPY into an unlogged text table", 0.65, 0.4)])

    session = bench.session()
    for what, checkpoint, goal in (("right after a checkpoint", True, 100), ("when pages were written since", False, 40)):
        # the median, as a vacuum of the server's own adds to it at times
        written = statistics.median(bench.run_once(session, changed, checkpoint=checkpoint)[1]
                                    for _ in range(bench.options.runs))
        bench.goal("WAL %s" % what, written / 1e6, goal, unit=" MB")
    bench.goal("WAL of the second day, right after a checkpoint", wal_of_second_day(bench, session, roster) / 1e6, 100, unit=" MB")
    session.close()

    bench.race(title % "nothing changed", [
        Contestant("import_file", size=roster.size, before="SELECT count(*) FROM import_file('acme', '%s');" % roster.next,
                   prepared=True,
                   run="SELECT rows_read, unchanged FROM import_file('acme', '%s') \\gset" % roster.next,
                   check="SELECT :rows_read = (SELECT count(*) FROM tomorrow) AND :unchanged = :rows_read;"),
        copy], goals=[("import_file", "COPY into an unlogged text table", 0.4, 0.2)])

    # last, as it takes seats that the others know of
    bench.race(title % "1 % changed, mode full", [full, copy])
