"""Exports: of what changed among many people, and of everybody."""
import pathlib
import shutil
import statistics
import subprocess

from harness import LICENSE, PEERS, ROOT, Contestant

DUCKDB = pathlib.Path("node_modules/@duckdb/node-api")

# An account that the vendor knows as it was in one file, and that is as in the next.  Autovacuum
# has been there between them, as it is within a minute of a first upload's confirmation.
CHANGED_ACCOUNT = """SELECT create_account('%(account)s', 'linkedin_learning');
    SELECT add_license('%(account)s', '""" + LICENSE + """', seats => 10000000);
    SELECT count(*) FROM import_file('%(account)s', '%(base)s');
    DELETE FROM %(account)s.changes;
    VACUUM %(account)s.changes;
    SELECT count(*) FROM import_file('%(account)s', '%(next)s');
    VACUUM ANALYZE;"""
EXPORT = """SELECT count(*) AS files, sum(row_count) AS rows, sum(octet_length(csv)) AS bytes
    FROM export_csv('%s', %s) \\gset"""


def duckdb(bench):
    """A directory whose node_modules have DuckDB, installed if need be; None, and the report says why."""
    private = bench.directory / "duckdb"
    for place in (private, ROOT, pathlib.Path("/usr/local/lib"), pathlib.Path("/usr/lib")):
        if (place / DUCKDB).exists():
            return place
    missing = [program for program in ("node", "npm") if not shutil.which(program)]
    why = "there is no " + " and no ".join(missing)
    if not missing:
        private.mkdir(parents=True, exist_ok=True)
        (private / "package.json").write_text("{}", encoding="utf-8")
        # with --prefix, npm would not heed the machine's own settings
        npm = subprocess.run(["npm", "install", "--no-audit", "--no-fund", DUCKDB.relative_to("node_modules")],
                             cwd=private, check=False, capture_output=True, text=True)
        if npm.returncode == 0:
            return private
        why = " ".join(npm.stderr.split())
    bench.say("DuckDB is not to be had (%s): not compared" % why)
    return None


def full_joins(bench, roster):
    """Seconds that DuckDB's full join of the two files takes, the query alone; the median."""
    place = duckdb(bench)
    if place is None:
        return None
    times = []
    for _ in range(bench.options.runs):
        answer = subprocess.run(["node", str(PEERS / "duckdb_full_join.mjs"), str(place), str(roster.base),
                                 str(roster.next)], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        times.append(float(answer[0]))
    return statistics.median(times)


def changed(bench, account, rows, fraction):
    """Makes the account; returns the contestant that exports its changes."""
    base = bench.directory / ("export_%d.csv" % rows)
    following = bench.directory / ("export_%d.mut.csv" % rows)
    if not following.exists():
        subprocess.run(["python3", str(pathlib.Path(__file__).parents[1] / "data/gen_orgsync.py"), "-o", str(base),
                        "--rows", str(rows), "--mutate", repr(fraction)], check=True)
        for path in bench.directory.glob("export_%d.*" % rows):
            path.chmod(0o644)
    bench.execute(CHANGED_ACCOUNT % {"account": account, "base": base, "next": following})
    contestant = Contestant("%d people" % rows, run=EXPORT % (account, "dry_run => true"),
                            check="""SELECT :rows = (SELECT count(DISTINCT profile_id) FROM diff('%s'))
                                AND :rows > %d""" % (account, rows * fraction * 0.8))
    contestant.files = (base, following)
    return contestant


def subject(bench):
    """10,000 changes of a million, of four million; everybody."""
    million = changed(bench, "million", bench.rows, 0.01)
    millions = changed(bench, "millions", 4 * bench.rows, 0.0025)
    results = bench.race("export_csv of what changed (1 % of a million, as many of four)", [million, millions],
                         goals=[(millions.name, million.name, 1.3, 1.1)])
    roster = bench.roster()
    roster.base, roster.next = million.files
    peer = full_joins(bench, roster)
    if peer is not None:
        bench.say("  %-42s %9.3f" % ("DuckDB's full join of the two files (peer)", peer))
        bench.goal("export_csv / DuckDB's full join", results[million.name].median / peer, 0.12, 0.05)

    bench.load("flat", million.files[0])
    target = bench.directory / "flat.out"
    target.touch()
    target.chmod(0o666)
    everybody = (million.name, "full, dry run")
    bench.race("everybody (%s)" % format(bench.rows, ","), [
        Contestant(everybody[1], run=EXPORT % ("million", 'dry_run => true, "full" => true'),
                   check="SELECT :rows = (SELECT count(*) FROM million.profiles);"),
        Contestant("full, recorded", before="DELETE FROM million.exports;", run=EXPORT % ("million", '"full" => true'),
                   check="SELECT :rows = (SELECT count(*) FROM million.profiles);"),
        Contestant("COPY of a flat table", peer=True, run="COPY flat TO '%s' WITH (FORMAT csv);" % target)],
               goals=[(everybody[1], "COPY of a flat table", 1.6, 1.2)])
