"""What the duplicate rules cost: one question, the indexes, and the check of a whole import.

Files in which everybody is called "Test User", or nobody has a name, are the hard ones.
"""
import csv

from harness import LICENSE, Contestant

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
        FROM acme.profiles TABLESAMPLE BERNOULLI (5) REPEATABLE (1) LIMIT count
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


def subject(bench):
    """The import with the rules on and off, and with hard names; then questions and indexes."""
    roster = bench.roster()
    test_user = rewritten(roster, "test_user", lambda n, row: row if n == 0 else row[:2] + ["Test", "User"] + row[4:])
    unnamed = rewritten(roster, "unnamed", lambda n, row: row[:2] + row[4:])
    check = "SELECT count(*) = %d FROM acme.profiles;" % roster.rows

    def contestant(name, path, action, peer=False):
        return Contestant(name, before=NEW_ACCOUNT % action, peer=peer, size=roster.size, check=check,
                          run="SELECT count(*) FROM import_file('acme', '%s');" % path)

    bench.race("checking a first import for duplicates (%s rows)" % format(roster.rows, ","), [
        contestant("without rules", roster.base, "off", peer=True),
        contestant("everybody is Test User", test_user, "as they are"),
        contestant("nobody has a name", unnamed, "as they are"),
        contestant("all rules", roster.base, "as they are"),
    ], goals=[("all rules", "without rules", 1.3, 1.15), ("everybody is Test User", "all rules", 2, 1.5),
              ("nobody has a name", "all rules", 2, 1.5)], memory=not bench.options.quick)

    bench.execute(NEW_ACCOUNT % "as they are" + "SELECT count(*) FROM import_file('acme', '%s');" % roster.base)
    bench.execute(QUESTIONS)
    session = bench.session()
    session.execute("VACUUM ANALYZE acme.profiles; SELECT public.ask('look-up', 100), public.ask('named', 100);")
    medians = {kind: float(session.execute("SELECT public.ask('%s', %d);" % (kind, count)))
               for kind, count in (("look-up", 2000), ("named", 2000), ("unnamed", 200))}
    bench.say("\nfind_similar on %s profiles: by address alone %.1f us, with a name %.1f us, without %.0f us" % (
        format(roster.rows, ","), medians["look-up"], medians["named"], medians["unnamed"]))
    bench.goal("find_similar with a name / unique look-up", medians["named"] / medians["look-up"], 3)
    bench.goal("find_similar without a name", medians["unnamed"] / 1e3, 5, unit=" ms")

    seconds = 0.0
    for index in INDEXES:
        seconds += bench.run_once(session, Contestant(index, run="REINDEX INDEX acme.%s;" % index))[0]
    size = int(session.execute("SELECT sum(pg_relation_size(('acme.' || i)::regclass)) FROM unnest('{%s}'::text[]) AS i;"
                               % ",".join(INDEXES)))
    session.close()
    bench.goal("what is indexed, for a million profiles", size / 1e6 * 1e6 / roster.rows, 100, unit=" MB")
    bench.goal("building it, for a million profiles", seconds * 1e6 / roster.rows, 5, unit=" s")
