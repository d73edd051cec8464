"""Many accounts in one database: what one more costs, and what an import costs among them."""
import statistics
import time

from harness import LICENSE

ACCOUNTS = 1000


def subject(bench):
    """create_account() at the last of many; the same import among few and among many."""
    roster = bench.roster(min(bench.rows, 10000))
    count = 50 if bench.options.quick else ACCOUNTS
    session = bench.session()

    def seconds(text):
        begin = time.perf_counter()
        session.execute(text)
        return time.perf_counter() - begin

    def import_into(account):
        times = [seconds("SELECT count(*) FROM import_file('%s', '%s');" % (account, roster.base)) for _ in range(4)]
        assert session.execute("SELECT count(*) FROM %s.profiles;" % account) == str(roster.rows)
        return statistics.median(times[1:])

    among_few = among_many = None
    times = []
    for number in range(1, count + 1):
        times.append(seconds("SELECT create_account('account_%d', 'linkedin_learning');" % number))
        if number in (1, count):
            session.execute("SELECT add_license('account_%d', '%s');" % (number, LICENSE))
            among_few, among_many = among_few or import_into("account_1"), import_into("account_%d" % number)
    session.close()
    bench.say("\n%d accounts" % count)
    bench.goal("create_account, median of the last ten", statistics.median(times[-10:]) * 1e3, 50, unit=" ms")
    bench.goal("the same import into the last and the first", among_many / among_few, 1.1)
