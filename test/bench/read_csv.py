"""read_csv(): the reader alone, every field of every record, through SQL."""
import subprocess

from harness import PEERS, Contestant


def subject(bench):
    """Ours, PostgreSQL's own reader behind file_fdw, and libcsv without a server."""
    roster = bench.roster()
    columns = ["c%d" % (i + 1) for i in range(16)]
    bench.execute("CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;")
    bench.execute("CREATE FOREIGN TABLE roster (%s) SERVER files OPTIONS (filename '%s', format 'csv', header 'true');" % (
        ", ".join(c + " text" for c in columns), roster.base))
    libcsv = bench.directory / "libcsv_alone"
    subprocess.run(["cc", "-O2", "-o", str(libcsv), str(PEERS / "libcsv_alone.c"), "-lcsv"], check=True)
    bench.load("reference", roster.base)
    bench.execute("""CREATE TABLE was_read (line bigint, fields text[]);
        CREATE TABLE content AS SELECT pg_read_binary_file('%s') AS csv;""" % roster.base)

    # every field comes back as it is in PostgreSQL's own reading
    same = bench.execute("""
        SELECT (SELECT sum(hashtextextended(array_to_string(fields, '|'), 0)) FROM content, read_csv(csv) WHERE line > 1) =
            (SELECT sum(hashtextextended(array_to_string(ARRAY[%s], '|', ''), 0)) FROM roster);""" % ", ".join(columns))
    assert same == "t", "read_csv gives other fields than file_fdw"

    bench.race("read_csv, all fields read (%s rows)" % format(roster.rows, ","), [
        Contestant("read_csv", size=roster.size,
                   run="""SELECT count(*) AS records, sum(cardinality(fields)) AS fields
                       FROM read_csv(pg_read_binary_file('%s')) \\gset""" % roster.base,
                   check="SELECT :records = %d AND :fields = 16 * %d;" % (roster.rows + 1, roster.rows + 1)),
        Contestant("file_fdw", peer=True, size=roster.size,
                   run="SELECT count(*) AS records, %s FROM roster \\gset" % ", ".join("count(%s)" % c for c in columns),
                   check="SELECT :records = %d;" % roster.rows),
        Contestant("libcsv alone in C", peer=True, size=roster.size, run=[str(libcsv), str(roster.base)]),
    ], goals=[("read_csv", "file_fdw", 1.0, 0.7), ("read_csv", "libcsv alone in C", 2.5, 1.6)])
