"""What the cap of a license costs: in bulk, row by row, and with eight clients.

The table is an account's "seats" without foreign keys and change log, with the
trigger of the cap, with a trigger in C that does nothing but has a transition table,
and with none: the cap's share is never larger than here.
"""
import os
import re
import statistics
import subprocess
import tempfile
import time

from harness import Contestant, Failure

LICENSE = "A_license_learning_pro_status"
CLIENTS = 8

# As a trigger function in C that does nothing a void function of the server's will do.
EMPTY = """CREATE FUNCTION public.do_nothing() RETURNS trigger LANGUAGE internal AS 'pg_stat_clear_snapshot';
CREATE TRIGGER nothing AFTER INSERT ON empty.seats REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.do_nothing();"""


def make_account(bench, name, keep_trigger):
    """An account whose seats have the insert trigger of the cap, or none."""
    bench.execute("""SELECT create_account('%(name)s', 'talent_insights');
        SELECT add_license('%(name)s', '%(license)s', seats => 1000000000);
        ALTER TABLE %(name)s.seats DROP CONSTRAINT seats_profile_id_fkey, DROP CONSTRAINT seats_license_id_fkey;
        DO $$ DECLARE t name; BEGIN
            FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = '%(name)s.seats'::regclass
                AND NOT (tgname LIKE 'license_cap%%' AND %(keep)s) LOOP
                EXECUTE format('DROP TRIGGER %%I ON %(name)s.seats', t);
            END LOOP;
        END $$;
        CREATE SEQUENCE %(name)s.next;""" % {"name": name, "license": LICENSE, "keep": keep_trigger})


def bulk(name, rows, contestant=None):
    """One statement that grants so many seats."""
    return Contestant(
        contestant or name, peer=name != "capped", before="TRUNCATE %s.seats;" % name,
        run="INSERT INTO %s.seats SELECT n, 1, 'invited' FROM generate_series(1, %d) AS n;" % (name, rows),
        check="SELECT count(*) = %d FROM %s.seats;" % (rows, name))


def single_rows(session, name, first, count):
    """Seconds a row of a transaction that grants seats one by one."""
    begin = time.perf_counter()
    session.execute("""DO $$ BEGIN FOR n IN %d..%d LOOP INSERT INTO %s.seats VALUES (n, 1, 'invited'); END LOOP; END $$;"""
                    % (first, first + count - 1, name))
    return (time.perf_counter() - begin) / count


def single_transfers(session, first, count, distance):
    """Seconds a row of a transaction that passes seats to other people one by one."""
    begin = time.perf_counter()
    session.execute("""DO $$ BEGIN FOR n IN %d..%d LOOP
        UPDATE moved.seats SET profile_id = n + %d WHERE profile_id = n; END LOOP; END $$;"""
                    % (first, first + count - 1, distance))
    return (time.perf_counter() - begin) / count


def transactions_per_second(bench, name, seconds):
    """What pgbench says of eight clients that each grant single seats of one license."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("INSERT INTO %s.seats SELECT nextval('%s.next'), 1, 'invited';\n" % (name, name))
        script.flush()
        answer = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-f", script.name,
             bench.database], check=True, capture_output=True, text=True, env=dict(os.environ)).stdout
    found = re.search(r"tps = ([0-9.]+)", answer)
    if found is None or "failed transactions: 0 " not in answer:
        raise Failure("pgbench said: %s" % answer)
    return float(found.group(1))


def verify(bench, name="capped"):
    """The counters must be right after all that."""
    answer = bench.execute("SELECT * FROM verify_account('%s');" % name)
    if answer:
        raise Failure("verify_account: %s" % answer)


def measure_bulk(bench):
    """One statement for all rows, and a tenth of them."""
    title = "seats: INSERT of %s rows by one statement" % format(bench.rows, ",")
    results = bench.race(title, [bulk(name, bench.rows) for name in ("capped", "empty", "bare")] +
                         [bulk("capped", bench.rows // 10, "a tenth")],
                         goals=[("capped", "empty", 1.05, None), ("capped", "bare", 1.15, None)], memory=False)
    bench.goal("all / a tenth", results["capped"].median / results["a tenth"].median, 11)
    verify(bench)


def measure_single_rows(bench, runs):
    """Row by row: in long transactions, and after a large statement."""
    many = max(bench.rows // 10, 1000)
    figures = {"short": [], "long": [], "before": [], "after": []}
    for _ in range(runs):
        session = bench.session()
        session.execute("TRUNCATE capped.seats;")
        single_rows(session, "capped", 1, many // 100)
        figures["short"].append(statistics.median(
            single_rows(session, "capped", 1 + (n + 1) * (many // 100), many // 100) for n in range(9)))
        figures["long"].append(single_rows(session, "capped", many, many))
        session.execute("TRUNCATE capped.seats;")
        figures["before"].append(single_rows(session, "capped", 1, many // 10))
        session.execute("INSERT INTO capped.seats SELECT n, 1, 'invited' FROM generate_series(%d, %d) AS n;"
                        % (many, many + bench.rows))
        figures["after"].append(single_rows(session, "capped", many // 10 + 1, many // 10))
        session.close()
    medians = {name: statistics.median(values) * 1e6 for name, values in figures.items()}
    bench.say("\nseats: single-row statements, microseconds each: " +
              ", ".join("%s %.1f" % item for item in medians.items()))
    bench.goal("a transaction of %d / of %d" % (many, many // 100), medians["long"] / medians["short"], 1.25)
    bench.goal("after a statement of %s rows / before" % format(bench.rows, ","), medians["after"] / medians["before"], 1.25)
    verify(bench)


def measure_transfers(bench, runs):
    """Row by row, where the number of transfers a year is limited."""
    many = max(bench.rows // 10, 1000)
    make_account(bench, "moved", "true")
    bench.execute("UPDATE moved.licenses SET transfers_per_year = 1000000000;")
    figures = {"short": [], "long": []}
    for _ in range(runs):
        session = bench.session()
        session.execute("TRUNCATE moved.seats, moved.transfers;")
        session.execute("INSERT INTO moved.seats SELECT n, 1, 'invited' FROM generate_series(1, %d) AS n;" % (2 * many))
        figures["short"].append(statistics.median(
            single_transfers(session, 1 + n * (many // 100), many // 100, 2 * many) for n in range(9)))
        figures["long"].append(single_transfers(session, many, many, 2 * many))
        session.close()
    medians = {name: statistics.median(values) * 1e6 for name, values in figures.items()}
    bench.say("\nseats: single-row transfers, microseconds each: " +
              ", ".join("%s %.1f" % item for item in medians.items()))
    bench.goal("transfers, a transaction of %d / of %d" % (many, many // 100), medians["long"] / medians["short"], 1.25)
    verify(bench, "moved")


def measure_clients(bench, runs):
    """Eight clients, one license, synchronous_commit on."""
    seconds = 1 if bench.options.quick else 5
    figures = {"capped": [], "bare": []}
    bench.execute("TRUNCATE capped.seats, bare.seats;")
    for _ in range(runs):
        for name, values in figures.items():
            values.append(transactions_per_second(bench, name, seconds))
    medians = {name: statistics.median(values) for name, values in figures.items()}
    bench.say("\nseats: %d clients that grant single seats of one license, transactions a second: " % CLIENTS +
              ", ".join("%s %.0f (%.0f to %.0f)" % (name, medians[name], min(values), max(values))
                        for name, values in figures.items()) +
              "; capped is %.2f of bare" % (medians["capped"] / medians["bare"]))
    bench.goal("bare / capped: at most 1 / 0.65, better 1 / 0.85", medians["bare"] / medians["capped"],
               round(1 / 0.65, 2), round(1 / 0.85, 2))
    verify(bench)


def subject(bench):
    """All of it, medians of five."""
    runs = 1 if bench.options.quick else 5
    for name in ("capped", "empty", "bare"):
        make_account(bench, name, "true" if name == "capped" else "false")
    bench.execute(EMPTY)
    bench.options.runs, saved = runs, bench.options.runs
    try:
        measure_bulk(bench)
        measure_single_rows(bench, runs)
        measure_transfers(bench, min(runs, 3))
        measure_clients(bench, runs)
    finally:
        bench.options.runs = saved
