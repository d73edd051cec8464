"""What the duplicate rules cost, and what they find: the check of a whole import, one question,
the indexes, and how many of the near-duplicates that the generator plants are found.

Files in which everybody is called "Test User", or nobody has a name, are the hard ones.
"""
import csv
import statistics
import subprocess
import sys

from harness import GENERATOR, LICENSE, ROOT, Contestant

NEW_ACCOUNT = """
DROP SCHEMA IF EXISTS acme CASCADE;
SELECT create_account('acme', 'linkedin_learning');
SELECT add_license('acme', '%s');
SELECT set_duplicate_rule('acme', rule, 'off') FROM acme.duplicate_rules WHERE '%%s' = 'off';
""" % LICENSE

# Microseconds of each question, asked by a loop in the server, about people who are there.
QUESTIONS = """
CREATE FUNCTION public.ask(kind text, count int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    person record;
    begun timestamptz;
    times float8[] = '{}';
    found bigint;
BEGIN
    FOR person IN SELECT primary_email_address AS email, preferred_first_name AS first, preferred_last_name AS last
        FROM acme.profiles TABLESAMPLE BERNOULLI (5) REPEATABLE (1) WHERE preferred_first_name IS NOT NULL LIMIT count
    LOOP
        begun := clock_timestamp();
        IF kind = 'look-up' THEN
            SELECT profile_id INTO found FROM acme.profiles WHERE primary_email_address = person.email;
        ELSIF kind = 'named' THEN
            SELECT count(*) INTO found FROM orgsync.find_similar('acme', person.email, person.first, person.last);
        ELSE
            SELECT count(*) INTO found FROM orgsync.find_similar('acme', person.email);
        END IF;
        times := times || extract(epoch FROM clock_timestamp() - begun)::float8 * 1e6;
        IF found IS NULL OR found = 0 THEN
            RAISE '% was not found', person.email;
        END IF;
    END LOOP;
    RETURN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) AS t);
END $$;
"""

INDEXES = ("profiles_address_key", "profiles_person_key", "profiles_unnamed_key")

# One of so many people in the file that has some without a name.
UNNAMED_SHARE = 1000

SWITCHED = """
SELECT set_duplicate_rule('acme', 'typo_unnamed', 'off'), set_duplicate_rule('acme', 'typo_unnamed', 'warn');
"""


def rewritten(roster, name, change):
    """The file with other names in it."""
    path = roster.base.with_name("%s_%s" % (name, roster.base.name))
    if not path.exists():
        with open(roster.base, encoding="utf-8", newline="") as source, \
                open(path, "w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target, lineterminator="\n")
            writer.writerows(change(n, row) for n, row in enumerate(csv.reader(source)))
        path.chmod(0o644)
    return path


def import_of(path, action="as they are"):
    """SQL that imports a file into a new account."""
    return NEW_ACCOUNT % action + "SELECT count(*) FROM import_file('acme', '%s');" % path


def measure_imports(bench, roster, some_unnamed):
    """The import with the rules on and off, and with hard names."""
    test_user = rewritten(roster, "test_user", lambda n, row: row if n == 0 else row[:2] + ["Test", "User"] + row[4:])
    unnamed = rewritten(roster, "unnamed", lambda n, row: row[:2] + row[4:])
    # some are rejected rightly, where all have one name or none: two addresses are a slip of the finger apart
    check = "SELECT (SELECT count(*) FROM acme.profiles) + rejected = %d AND rejected <= %d FROM acme.imports;" % (
        roster.rows, roster.rows * 0.00002 + 1)

    def contestant(name, path, action, peer=False):
        return Contestant(name, before=NEW_ACCOUNT % action, peer=peer, size=roster.size, check=check,
                          run="SELECT count(*) FROM import_file('acme', '%s');" % path)

    bench.race("checking a first import for duplicates (%s rows)" % format(roster.rows, ","), [
        contestant("without rules", roster.base, "off", peer=True),
        contestant("all rules", roster.base, "as they are"),
        contestant("some without a name", some_unnamed, "as they are"),
        contestant("everybody is Test User", test_user, "as they are"),
        contestant("nobody has a name", unnamed, "as they are"),
    ], goals=[("all rules", "without rules", 1.3, 1.15), ("some without a name", "without rules", 1.3, 1.15),
              ("everybody is Test User", "all rules", 2, 1.5), ("nobody has a name", "all rules", 2, 1.5)], memory=False)


def measure_questions(bench, where):
    """find_similar and a look-up in turn."""
    session = bench.session()
    session.execute("SELECT public.ask('look-up', 100), public.ask('named', 100);")
    times = {"look-up": [], "named": []}
    for _ in range(5):
        for kind, values in times.items():
            values.append(float(session.execute("SELECT public.ask('%s', 2000);" % kind)))
    session.close()
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    bench.say("\nfind_similar, %s: by address alone %.1f us, with a name %.1f us" % (
        where, medians["look-up"], medians["named"]))
    bench.goal("find_similar with a name / unique look-up", medians["named"] / medians["look-up"], 3)


def measure_indexes(bench):
    """What is indexed for the rules: how much, and how long it takes."""
    session = bench.session()
    seconds = sum(bench.run_once(session, Contestant(index, run="REINDEX INDEX acme.%s;" % index))[0] for index in INDEXES)
    size = int(session.execute("SELECT sum(pg_relation_size(('acme.' || i)::regclass)) FROM unnest('{%s}'::text[]) AS i;"
                               % ",".join(INDEXES)))
    session.close()
    rows = bench.rows
    bench.goal("what is indexed, for a million profiles", size / 1e6 * 1e6 / rows, 100, unit=" MB")
    bench.goal("building it, for a million profiles", seconds * 1e6 / rows, 5, unit=" s")


def measure_quality(bench):
    """How many near-duplicates are found, and how many others are taken for one."""
    stem = bench.directory / ("quality_%d" % bench.rows)
    files = ["%s%s" % (stem, end) for end in (".csv", ".similar.csv", ".similar.labels.csv")]
    if not stem.with_suffix(".similar.labels.csv").exists():
        subprocess.run([sys.executable, str(GENERATOR), "-o", files[0], "--rows", str(bench.rows), "--seed", "29",
                        "--similar", "0.01", "--negatives", "0.01"], check=True)
        for path in bench.directory.glob(stem.name + "*"):
            path.chmod(0o644)
    session = bench.session()
    session.execute(import_of(files[0]))
    rejected = int(session.execute("SELECT rejected FROM acme.imports;"))
    session.execute("SELECT count(*) FROM import_file('acme', '%s', dry_run => true);" % files[1])
    session.execute("\\set similar '%s'\n\\set labels '%s'\n\\set import_id 2\n\\i %s" % (
        files[1], files[2], ROOT / "test/data/duplicate_quality.sql"))

    def percent(which, of_whom):
        return float(session.execute("SELECT percent($w$%s$w$, $w$%s$w$);" % (which, of_whom)))

    bench.say("\nquality: %s people, %s near-duplicates and as many new people" % (
        format(bench.rows, ","), format(bench.rows // 100, ",")))
    named = "has_name AND NOT has_id"
    bench.goal("with a name and without an id, not rejected", percent("NOT rejected", "kind <> 'none' AND " + named), 1.5, unit=" %")
    for kind in ("dot", "plus", "substitute", "insert", "delete", "swap"):
        bench.goal("of them, by " + kind, percent("NOT rejected", "kind = '%s' AND %s" % (kind, named)), 3, unit=" %")
    bench.goal("with another id, not found", percent("NOT found", "kind <> 'none' AND has_id"), 2, unit=" %")
    bench.goal("without a name, not found", percent("NOT found", "kind <> 'none' AND NOT has_name"), 2, unit=" %")
    bench.goal("new people, rejected", percent("rejected", "kind = 'none'"), 0.5, unit=" %")
    bench.goal("the file itself, rejected per 100,000", rejected * 1e5 / bench.rows, 2)
    session.close()


def subject(bench):
    """All of it."""
    roster = bench.roster()
    some_unnamed = rewritten(roster, "some_unnamed",
                             lambda n, row: row[:2] + ["", ""] + row[4:] if n % UNNAMED_SHARE == 1 else row)
    measure_imports(bench, roster, some_unnamed)

    bench.execute(import_of(roster.base) + QUESTIONS + "VACUUM ANALYZE acme.profiles;")
    measure_questions(bench, "%s profiles" % format(bench.rows, ","))
    unnamed = float(bench.execute("SELECT public.ask('unnamed', 200);"))
    bench.goal("find_similar without a name", unnamed / 1e3, 5, unit=" ms")
    bench.execute(SWITCHED)
    measure_questions(bench, "a rule was switched off and on")
    measure_indexes(bench)
    bench.execute(import_of(some_unnamed) + "VACUUM ANALYZE acme.profiles;")
    measure_questions(bench, "one of %d without a name" % UNNAMED_SHARE)
    bench.execute(SWITCHED)
    measure_questions(bench, "one of %d without a name, and a rule was switched" % UNNAMED_SHARE)
    measure_quality(bench)
