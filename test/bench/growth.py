"""Four times the people: what an import takes then, and how much memory."""
from harness import LICENSE, STATE_FUNCTIONS, Contestant
from reimport import EXPECTED, YESTERDAY

NEW_ACCOUNT = """
DROP SCHEMA IF EXISTS %(account)s CASCADE;
SELECT create_account('%(account)s', 'linkedin_learning');
SELECT add_license('%(account)s', '%(license)s', seats => %(rows)d);
"""


def contestants(bench, name, rows):
    """The first import of so many rows and the next day's, under a name that is the account's too."""
    roster = bench.roster(rows)
    for table, path in (("reference", roster.base), ("tomorrow", roster.next), ("labels", roster.labels)):
        bench.execute("DROP TABLE IF EXISTS %s;" % table)
        bench.load(table, path)
    bench.execute("DROP TABLE IF EXISTS expected;" + EXPECTED)
    bench.execute("CREATE TABLE %s_states AS SELECT file_state('reference') AS base, file_state('expected') AS next;"
                  % name)
    bench.execute("ALTER TABLE labels RENAME TO %s_labels;\nDROP TABLE reference, tomorrow, expected;" % name)
    holds = "SELECT account_state('%s') = %%s FROM %s_states;" % (name, name)
    first = Contestant(
        name, size=roster.size, before=NEW_ACCOUNT % {"account": name, "license": LICENSE, "rows": rows},
        run="SELECT count(*) FROM import_file('%s', '%s');" % (name, roster.base), check=holds % "base")
    again = Contestant(
        name, size=roster.size, before=(YESTERDAY % roster.base).replace("acme", name).replace("labels", name + "_labels"),
        run="SELECT count(*) FROM import_file('%s', '%s');" % (name, roster.next), check=holds % "next")
    return first, again


def subject(bench):
    """First import and re-import with 1 % changed, of the rows and of four times as many."""
    bench.execute(STATE_FUNCTIONS)
    pairs = [contestants(bench, "whole", bench.rows), contestants(bench, "fourfold", 4 * bench.rows)]
    for title, race in zip(("first import", "re-import, 1 % changed"), zip(*pairs)):
        results = bench.race("growth, %s (%s rows and four times as many)" % (title, format(bench.rows, ",")), race,
                             goals=[("fourfold", "whole", 4.4, 4.0)])
        bench.goal("%s, peak memory of %s rows" % (title, format(4 * bench.rows, ",")),
                   results["fourfold"].memory / 1e6, 256, 128, unit=" MB")
