"""The first import of a whole roster, with all default rules on.

The timed file holds near-duplicates, planted by the generator, and more people than
there are seats; what the rules say of them is checked.
"""
from harness import LICENSE, STATE_FUNCTIONS, Contestant

NEW_ACCOUNT = """
DROP SCHEMA IF EXISTS acme CASCADE;
SELECT create_account('acme', 'linkedin_learning');
SELECT add_license('acme', '%s', seats => :seats, counting => 'invited');
""" % LICENSE

# Everybody is there whom no finding rejects, with all cells; and the rejected are the right ones.
CHECK = """
SELECT public.account_state('acme') = public.file_state('accepted')
    AND (SELECT count(*) FROM accepted WHERE lic = 'active') = (SELECT seats FROM acme.licenses)
    AND (SELECT count(*) FROM acme.import_findings WHERE code = 'duplicate_row') =
        (SELECT count(*) FROM similar_rows WHERE kind = 'case')
    AND (SELECT count(*) FROM acme.import_findings WHERE code = 'duplicate_profile') BETWEEN
        (SELECT 0.98 * count(*) FROM similar_rows JOIN reference USING (email) WHERE kind IN ('dot', 'plus')
            OR kind <> 'case' AND coalesce(uid, '') = '' AND coalesce(first, '') <> '')
        AND (SELECT count(*) FROM similar_rows JOIN reference USING (email) WHERE kind <> 'case')
    AND (SELECT count(*) FROM acme.import_findings WHERE severity = 'error') =
        (SELECT count(*) FROM reference) - (SELECT count(*) FROM accepted)
"""


def subject(bench):
    """Ours, the two peers' imports, and COPY into a table with a key."""
    roster = bench.roster(similar=0.002)
    bench.load("reference", roster.base)
    bench.load("similar_rows", roster.similar_labels)
    bench.execute(STATE_FUNCTIONS)
    # the near-duplicates, most of which are rejected, take no seat that others could not fill
    seats = int(bench.execute("SELECT count(*) FROM reference WHERE lic = 'active'"
                              " AND email NOT IN (SELECT email FROM similar_rows);")) * 999 // 1000
    bench.execute("CREATE TABLE keyed (LIKE reference);\nALTER TABLE keyed ADD PRIMARY KEY (email);")
    check = """CREATE TEMP TABLE accepted AS SELECT * FROM reference AS r WHERE NOT EXISTS (
        SELECT FROM acme.import_findings AS f WHERE severity = 'error'
        AND f.record LIKE '%%,%%' AND split_part(f.record, ',', 1) = r.email);
        %s; DROP TABLE accepted;""" % CHECK.strip()
    peers = "\\set csv '%s'\n\\i :peers/schema.sql\n" % roster.base
    full = "SELECT (SELECT count(*) FROM profile) = %d;" % int(bench.execute("SELECT count(*) FROM reference;"))
    bench.race("first import (%s rows)" % format(roster.rows, ","), [
        Contestant("import_file", size=roster.size, before="\\set seats %d\n%s" % (seats, NEW_ACCOUNT),
                   run="SELECT count(*) FROM import_file('acme', '%s');" % roster.base, check=check),
        Contestant("import_tuned.sql", peer=True, size=roster.size, before=peers,
                   run="\\i :peers/import_tuned.sql", check=full),
        Contestant("import_upsert.sql", peer=True, size=roster.size, before=peers,
                   run="\\i :peers/import_upsert.sql", check=full),
        Contestant("COPY into a table with a primary key", peer=True, size=roster.size, before="TRUNCATE keyed;",
                   run="COPY keyed FROM '%s' WITH (FORMAT csv, HEADER);" % roster.base),
    ], goals=[("import_file", "import_tuned.sql", 0.6, 0.45), ("import_file", "import_upsert.sql", 0.23, 0.17),
              ("import_file", "COPY into a table with a primary key", 1.0, 0.75)])
