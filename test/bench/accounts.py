"""Many accounts in one database: what one more costs, and what an import costs among them."""
import os
import statistics
import tempfile
import time

from harness import LICENSE

ACCOUNTS = 1000
LATEST = 100
IMPORTS = 15


def measured(session, text):
    """Runs it and returns its seconds, and those of processor time."""
    computed = session.computed()
    begin = time.perf_counter()
    session.execute(text)
    return time.perf_counter() - begin, session.computed() - computed


def wait_for_disk(directory):
    """Seconds until a new file of one page is on the disk."""
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(bytes(8192))
        file.flush()
        begin = time.perf_counter()
        os.fsync(file.fileno())
        return time.perf_counter() - begin


def medians(measurements):
    """The median of each figure."""
    return [statistics.median(figures) for figures in zip(*measurements)]


def create_accounts(bench, session, count):
    """Makes them and reports what the last ones cost; returns the name of the last."""
    directory = session.execute("SHOW data_directory;")
    costs = []
    for number in range(1, count + 1):
        account = "account_%d" % number
        costs.append((*measured(session, "SELECT create_account('%s', 'linkedin_learning');" % account),
                      wait_for_disk(directory)))
    latest = medians(costs[-LATEST:])
    bench.goal("create_account, median of the last %d" % min(count, LATEST), latest[0] * 1e3, 50, unit=" ms")
    bench.say("    of which processor time %.2f ms; meanwhile a file of one page was on the disk after %.2f ms" % (
        latest[1] * 1e3, latest[2] * 1e3))
    return account


def subject(bench):
    """create_account() at the last of many; the same imports in turn into an account that is alone and into that one."""
    roster = bench.roster(min(bench.rows, 10000))
    count = 50 if bench.options.quick else ACCOUNTS
    alone = bench.session()
    alone.execute("SELECT create_account('account', 'linkedin_learning');")
    bench.fresh_database(bench.database + "_many")
    among_many = bench.session()
    bench.say("\n%d accounts" % count)
    targets = [(among_many, create_accounts(bench, among_many, count), []), (alone, "account", [])]

    for session, account, _ in targets:
        session.execute("SELECT add_license('%s', '%s');" % (account, LICENSE))
        session.execute("SELECT count(*) FROM import_file('%s', '%s');" % (account, roster.next))
    for turn in range(IMPORTS):
        for session, account, costs in targets:
            costs.append(measured(session, "SELECT count(*) FROM import_file('%s', '%s');" % (
                account, (roster.base, roster.next)[turn % 2])))
    for session, account, _ in targets:
        assert int(session.execute("SELECT count(*) FROM %s.profiles;" % account)) >= roster.rows
        assert int(session.execute("SELECT min(updated) FROM %s.imports WHERE import_id > 1;" % account)) > 0
        session.close()
    many, one = (medians(costs) for _, _, costs in targets)
    bench.goal("the same imports among them and alone, processor time", many[1] / one[1], 1.1)
    bench.say("    medians of %d: %.1f and %.1f ms of processor time, %.1f and %.1f ms in all" % (
        IMPORTS, many[1] * 1e3, one[1] * 1e3, many[0] * 1e3, one[0] * 1e3))
