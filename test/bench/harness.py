"""What the subjects of bench.py work with: a psql session, data, and races.

A race runs its contestants in turn, several times, in one session, and reports
for each of them the median time, the bytes of WAL and the most memory that the
backend has had for itself.  Before each run comes a CHECKPOINT, so that none pays
for another's pages; after each run its result is checked, so that no figure comes
from work left out.  Memory is measured in a run of its own, in a session of its
own, under MEMORY_SETTINGS.
"""
import dataclasses
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / "test/bench/peers"
GENERATOR = ROOT / "test/data/gen_orgsync.py"
LICENSE = "Default_license_learning_proAllLanguages_status"
MEMORY_SETTINGS = "SET work_mem = '64MB'; SET maintenance_work_mem = '128MB';"

# What an account holds and what a file of the generator's, loaded as a table, says, in
# comparable sums: whose profile has which cells, seats and groups.
STATE_FUNCTIONS = """
CREATE FUNCTION public.account_state(account name) RETURNS numeric[] LANGUAGE plpgsql AS $$
DECLARE
    state numeric[];
BEGIN
    EXECUTE replace($query$
        SELECT ARRAY[(SELECT count(*) FROM @.profiles),
            (SELECT sum(hashtextextended(concat_ws('|', primary_email_address::text, unique_user_id, preferred_first_name,
                preferred_last_name, work_title, attributes->>'Cost_Center', attributes->>'Office'), 0)) FROM @.profiles),
            (SELECT count(*) FROM @.seats WHERE status <> 'unassigned'),
            (SELECT sum(hashtextextended(primary_email_address::text, 1)) FROM @.seats JOIN @.profiles USING (profile_id)
                WHERE status <> 'unassigned'),
            (SELECT count(*) FROM @.memberships),
            (SELECT sum(hashtextextended(primary_email_address::text || '|' || name, 2))
                FROM @.memberships JOIN @.profiles USING (profile_id) JOIN @.groups USING (group_id))]
        $query$, '@', account) INTO state;
    RETURN state;
END $$;
CREATE FUNCTION public.file_state(file regclass) RETURNS numeric[] LANGUAGE plpgsql AS $$
DECLARE
    state numeric[];
BEGIN
    EXECUTE format($query$
        WITH groups (cell, name) AS (VALUES ('g1', 'Engineering'), ('g2', 'Sales'), ('g3', 'Marketing'), ('g4', 'Finance'),
            ('g5', 'Human Resources'), ('g6', 'EMEA'), ('g7', 'APAC'), ('g8', 'Leadership'))
        SELECT ARRAY[count(*), sum(hashtextextended(concat_ws('|', email, uid, first, last, title, a1, a2), 0)),
            count(*) FILTER (WHERE lic = 'active'), sum(hashtextextended(email, 1)) FILTER (WHERE lic = 'active'),
            sum(m.members), sum(m.hash)]
        FROM %s AS f CROSS JOIN LATERAL (SELECT count(*) AS members, sum(hashtextextended(f.email || '|' || g.name, 2)) AS hash
            FROM groups AS g JOIN LATERAL (VALUES ('g1', g1), ('g2', g2), ('g3', g3), ('g4', g4), ('g5', g5), ('g6', g6),
                ('g7', g7), ('g8', g8)) AS v (cell, value) USING (cell) WHERE v.value = 'yes') AS m
        $query$, file) INTO state;
    RETURN state;
END $$;
"""


class Failure(Exception):
    """A statement failed, or its result was wrong."""


@dataclasses.dataclass
class Contestant:
    """One way to do the work.

    run       SQL (or psql's commands) that is timed; or, as a list, a command
    before    SQL that makes the state to start from; not timed
    check     SQL whose one value must be 't' after each run; not timed
    peer      is it what ours are compared with?
    size      bytes of input, for MB/s
    prepared  is "before" needed only once, before the first run?
    """
    name: str
    run: object
    before: str = ""
    check: str = ""
    peer: bool = False
    size: int = 0
    prepared: bool = False


@dataclasses.dataclass
class Result:
    """What was measured of a contestant: seconds and bytes of each run, and seconds of processor time."""
    times: list
    wal: list
    computed: list
    memory: int = 0

    @property
    def median(self):
        return statistics.median(self.times)


@dataclasses.dataclass
class Roster:
    """A file of the generator's, the one of the next day, and what was changed in it."""
    base: pathlib.Path
    next: pathlib.Path
    labels: pathlib.Path
    similar_labels: pathlib.Path
    rows: int

    @property
    def size(self):
        return self.base.stat().st_size


class Session:
    """A psql that stays, talked to through pipes."""
    END = "==end-of-answer=="

    def __init__(self, database, settings=""):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-v", "peers=%s" % PEERS, "-d", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            encoding="utf-8", env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"})
        self.execute("SET search_path = public, orgsync;" + settings)
        self.pid = int(self.execute("SELECT pg_backend_pid();"))

    def execute(self, text):
        """Runs it and returns what was printed."""
        lines = []
        try:
            self.process.stdin.write("%s\n;\n\\echo %s\n" % (text, self.END))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self.process.stdout:
            if line == self.END + "\n":
                return "".join(lines).strip()
            lines.append(line)
        self.errors.seek(0)
        raise Failure("%s\nin: %s" % (self.errors.read(), text))

    def computed(self):
        """Seconds for which the backend and those of the server's processes that have ended, such as parallel
        workers, have had a processor."""
        with open("/proc/%d/schedstat" % self.pid, encoding="ascii") as schedule:
            seconds = int(schedule.read().split()[0]) / 1e9
        with open("/proc/%d/stat" % self.pid, encoding="ascii") as stat:
            parent = int(stat.read().rpartition(")")[2].split()[1])
        with open("/proc/%d/stat" % parent, encoding="ascii") as stat:
            ended = stat.read().rpartition(")")[2].split()[13:15]
        return seconds + sum(int(ticks) for ticks in ended) / os.sysconf("SC_CLK_TCK")

    def close(self):
        """Ends the session."""
        self.process.stdin.close()
        self.process.wait()


class MemoryWatch(threading.Thread):
    """Looks at the private memory of a process every few milliseconds."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path = "/proc/%d/status" % pid
        self.peak = 0
        self.ended = threading.Event()

    def look(self):
        """The bytes that belong to the process alone: shared buffers do not count."""
        with open(self.path, encoding="ascii") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)

    def run(self):
        try:
            while not self.ended.is_set():
                self.look()
                time.sleep(0.003)
        except OSError:
            pass

    def end(self):
        """Stops looking and returns the peak."""
        self.ended.set()
        self.join()
        return self.peak


class Bench:
    """What a subject gets: options, data, a database of its own, and race()."""

    def __init__(self, options):
        self.options = options
        self.rows = options.rows
        self.directory = pathlib.Path(options.data or tempfile.mkdtemp(prefix="bench."))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.database = None
        self.lines = []
        self.failures = 0

    # ---- output ----

    def say(self, text=""):
        """A line of the report."""
        print(text, flush=True)
        self.lines.append(text)

    # ---- data ----

    def roster(self, rows=None, similar=0.0, reshuffled=True):
        """A roster of so many rows, and the next day's with 1 % changed, in another order;
        similar: so great a share of the rows are added that nearly repeat another's address."""
        rows = rows or self.rows
        stem = self.directory / ("roster_%d%s" % (rows, "_similar" if similar else ""))
        roster = Roster(*(pathlib.Path("%s%s" % (stem, end)) for end in
                          (".csv", ".mut.csv", ".mut.labels.csv", ".similar.labels.csv")), rows)
        if not roster.next.exists():
            command = [sys.executable, str(GENERATOR), "-o", str(roster.base), "--rows", str(rows),
                       "--mutate", "0.01"]
            if similar:
                command += ["--similar", str(similar), "--similar-inline"]
            subprocess.run(command, check=True)
            if reshuffled:
                header, *records = roster.next.read_bytes().splitlines(keepends=True)
                random.Random(rows).shuffle(records)
                roster.next.write_bytes(b"".join([header, *records]))
            for path in self.directory.glob(stem.name + ".*"):
                path.chmod(0o644)
        return roster

    # ---- the database ----

    def fresh_database(self, name):
        """Makes the database of a subject, with the extension in it."""
        session = Session("postgres")
        session.execute("DROP DATABASE IF EXISTS %s;" % name)
        session.execute("CREATE DATABASE %s;" % name)
        session.close()
        self.database = name
        self.execute("CREATE EXTENSION orgsync;")

    def session(self, settings=""):
        """A new session in the subject's database."""
        return Session(self.database, settings)

    def execute(self, text):
        """Runs SQL in a session of its own, not timed, and returns what was printed."""
        session = self.session()
        answer = session.execute(text)
        session.close()
        return answer

    def load(self, table, path):
        """Loads a file of the generator's into a table of text columns: the reference for checks."""
        with open(path, encoding="utf-8") as file:
            header = file.readline().rstrip("\r\n")
        count = header.count(",") + 1
        if count <= 3:
            columns = ["email", "similar_to", "kind"] if count == 3 else ["email", "kind"]
        else:
            columns = ["email", "uid", "first", "last", "title", "lic"]
            columns += ["g%d" % (i + 1) for i in range(count - 8)] + ["a1", "a2"]
        self.execute("CREATE UNLOGGED TABLE %s (%s);\nCOPY %s FROM '%s' WITH (FORMAT csv, HEADER);\nANALYZE %s;" % (
            table, ", ".join(c + ' text COLLATE "C"' for c in columns), table, path, table))

    # ---- races ----

    def run_once(self, session, contestant, checkpoint=True):
        """One run: seconds, bytes of WAL, and seconds of processor time."""
        session.execute(contestant.before)
        if checkpoint:
            session.execute("CHECKPOINT;")
        position = session.execute("SELECT pg_current_wal_insert_lsn();")
        computed = session.computed()
        begin = time.perf_counter()
        if isinstance(contestant.run, str):
            session.execute(contestant.run)
        else:
            subprocess.run(contestant.run, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        computed = session.computed() - computed
        wal = int(session.execute("SELECT pg_current_wal_insert_lsn() - '%s'::pg_lsn;" % position))
        if contestant.check:
            answer = session.execute(contestant.check)
            if answer != "t":
                raise Failure("%s: the result is wrong: %s\nsaid: %s" % (
                    contestant.name, answer, contestant.check))
        return seconds, wal, computed

    def memory_of(self, contestant):
        """The most private memory of the backend while it runs, in a new session."""
        session = self.session(MEMORY_SETTINGS)
        session.execute(contestant.before)
        watch = MemoryWatch(session.pid)
        watch.start()
        session.execute(contestant.run)
        peak = watch.end()
        session.close()
        return peak

    def race(self, title, contestants, goals=(), memory=True, computing_goals=()):
        """Runs the contestants in turn, each time in the other order, and reports; returns their results by name.

        goals: (ours, peer, goal, stretch) - ours shall take at most so many times the
        peer's time.  computing_goals: the same for processor time, where a few parts in a
        hundred matter, which are lost among what a disk takes more or less; and turn by
        turn, as the machine is slower at one time than at another."""
        session = self.session()
        results = {c.name: Result([], [], []) for c in contestants}
        for turn in range(-self.options.warm_up, self.options.runs):
            for contestant in contestants if turn % 2 == 0 else reversed(contestants):
                if contestant.prepared and turn > -self.options.warm_up:
                    contestant = dataclasses.replace(contestant, before="")
                seconds, wal, computed = self.run_once(session, contestant)
                if turn >= 0:
                    results[contestant.name].times.append(seconds)
                    results[contestant.name].wal.append(wal)
                    results[contestant.name].computed.append(computed)
        session.close()
        if memory:
            for contestant in contestants:
                if isinstance(contestant.run, str):
                    results[contestant.name].memory = self.memory_of(contestant)
        self.report(title, contestants, results, goals, computing_goals)
        return results

    def report(self, title, contestants, results, goals, computing_goals):
        """Prints the table of a race."""
        self.say("\n%s" % title)
        self.say("%-44s %9s %9s %9s %7s %8s %7s" % (
            "", "median s", "least", "most", "MB/s", "WAL MB", "mem MB"))
        for contestant in contestants:
            result = results[contestant.name]
            self.say("%-44s %9.3f %9.3f %9.3f %7s %8.1f %7s" % (
                "  " + contestant.name + (" (peer)" if contestant.peer else ""),
                result.median, min(result.times), max(result.times),
                "%.0f" % (contestant.size / 1e6 / result.median) if contestant.size else "",
                statistics.median(result.wal) / 1e6,
                "%.0f" % (result.memory / 1e6) if result.memory else ""))
        for ours, peer, goal, stretch in goals:
            self.goal("%s / %s" % (ours, peer), results[ours].median / results[peer].median, goal, stretch)
        for ours, peer, goal, stretch in computing_goals:
            ratio = statistics.median(a / b for a, b in zip(results[ours].computed, results[peer].computed))
            self.goal("%s / %s, processor time" % (ours, peer), ratio, goal, stretch)

    def goal(self, what, value, goal, stretch=None, unit=""):
        """Reports whether a figure keeps to its goal; at --quick sizes figures say nothing."""
        verdict = "stretch" if stretch is not None and value <= stretch else "holds" if value <= goal else "MISSED"
        if self.options.quick:
            verdict = "-"
        self.failures += verdict == "MISSED"
        self.say("    %-56s %8.2f%s  goal %s%s  %s" % (
            what, value, unit, goal, "" if stretch is None else ", stretch %s" % stretch, verdict))
