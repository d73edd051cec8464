#!/usr/bin/env python3
"""Benchmarks of orgsync, beside the SQL that a careful team would write without it.

    make bench                                          everything, 1,000,000 rows
    make bench BENCH="--quick"                          10,000 rows: does it work?
    make bench BENCH="--rows 100000 read_csv import"    these subjects only

"make bench" runs this on a server of its own, on disk, with the settings of
postgresql.conf beside this file; TMPFS=1 puts it into memory.  It may also be run
by itself against any server (PGHOST etc.) that has the extension and is on this
machine.

To add a subject, put a file NAME.py beside this one:

    from harness import Contestant                      # its fields are explained there

    def subject(bench):
        roster = bench.roster()                         # a file, tomorrow's, and what is changed
        bench.load("reference", roster.base)            # as a table, to check results against
        bench.race("what is measured", [
            Contestant("ours", run="SELECT ...", before="...", check="SELECT count(*) = ..."),
            Contestant("theirs", peer=True, run="\\\\i :peers/theirs.sql")],
            goals=[("ours", "theirs", 0.6, 0.45)])      # ours <= 0.6 x theirs, better 0.45

It runs in a database of its own, bench.session() and bench.execute() are there for
what is no race, and bench.goal() reports any other figure against its goal.
"""
import argparse
import importlib
import pathlib
import platform
import sys

from harness import Bench, Failure

HERE = pathlib.Path(__file__).resolve().parent
SUBJECTS = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in ("bench", "harness"))


def main():
    """Runs the subjects that the command line names; exit status 1: one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help="of %s; default: all" % ", ".join(SUBJECTS))
    parser.add_argument("--rows", type=int, default=1000000, help="rows of the files (1000000)")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each contestant (3)")
    parser.add_argument("--warm-up", type=int, default=1, help="runs before, not counted (1)")
    parser.add_argument("--quick", action="store_true", help="10000 rows, one run, no verdicts")
    parser.add_argument("--data", metavar="DIRECTORY", help="where to keep the generated files")
    parser.add_argument("--results", metavar="FILE", help="write the report there as well")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.runs, options.warm_up = min(options.rows, 10000), 1, 0
    for name in options.subjects:
        if name not in SUBJECTS:
            parser.error("no such subject: %s" % name)

    bench = Bench(options)
    failed = []
    for name in options.subjects or SUBJECTS:
        try:
            bench.fresh_database("bench_" + name)
            if name == (options.subjects or SUBJECTS)[0]:
                bench.say("%s, %s; %s rows, medians of %d" % (
                    bench.execute("SELECT split_part(version(), ' on ', 1);"), platform.machine(),
                    format(bench.rows, ","), options.runs))
            importlib.import_module(name).subject(bench)
        except Failure as failure:
            bench.say("%s FAILED: %s" % (name, failure))
            failed.append(name)
    if bench.failures:
        bench.say("\n%d goals missed" % bench.failures)
    if options.results:
        pathlib.Path(options.results).write_text("\n".join(bench.lines) + "\n", encoding="utf-8")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
