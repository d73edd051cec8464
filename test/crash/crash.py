#!/usr/bin/env python3
"""Kills a server at random moments and looks what is left.

usage: crash.py [POINTS [SEED]]        within test/throwaway, see "make crash"

An account goes round in a circle: import of roster B, export, confirmation, import of
roster A, export, confirmation.  What the account holds after each step is learnt in
rounds without a fault.  Then each step is stopped at a random moment, and must have
left exactly what was there before it or what is there after it; verify_account() must
find nothing, no temporary file may be left, and, where the server went on, no file of
a table that is not there.  A step that left nothing is tried again.

POINTS times a backend or the whole server is killed (SIGKILL), by turns, at a moment
drawn anew each time; a tenth as often each a call is cancelled, runs out of time, is
terminated, or runs out of memory (a limit on the backend's address space) or of disk
(the account is on a small file system, if SMALL_DISK names one).

A point counts as inside when the call had begun, by the server's log, and its answer
never came.  The last line tells how many points passed and failed.
"""
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PEOPLE = 3000
LICENSES = ['Tight_license_learning_pro_status', 'Queue_license_learning_pro_status',
            'Open_license_learning_pro_status']
PHASES = ['import', 'export', 'confirmation']
# a sanitizer's own memory cannot be had under a limit
KINDS = ['cancel', 'timeout', 'terminate', 'disk'] + ([] if os.environ.get('SANITIZE') else ['memory'])


class Fault(Exception):
    """Something that must never be."""


def write_roster(path, seed):
    """Everybody's row; B (another seed) leaves some out, and changes, adds and renames some."""
    pick = random.Random(seed)
    with open(path, 'w', encoding='utf-8') as file:
        file.write('primary_email_address,unique_user_id,preferred_first_name,work_title,'
                   + ','.join(LICENSES) + ',group:One,group:Two\r\n')
        for n in range(PEOPLE + PEOPLE // 10 * seed):
            if seed and pick.random() < 0.1:
                continue
            name = f'renamed{n}' if seed and pick.random() < 0.1 else f'person{n}'
            title = 'Boss' if pick.random() < 0.2 else 'Engineer, "senior"'
            title = '"' + title.replace('"', '""') + '"'
            cells = [pick.choice(['active', 'active', 'inactive', '']) for _ in LICENSES]
            groups = [pick.choice(['yes', 'no']) for _ in 'ab']
            file.write(f'{name}@example.com,E{n},P{n},{title},{",".join(cells + groups)}\r\n')


class Server:
    """A server of our own, whose data may be on a small file system."""

    def __init__(self, directory, disk):
        self.directory = directory
        self.data = os.path.join(directory, 'data')
        self.log = os.path.join(directory, 'log')
        self.disk = disk
        self.log_read = 0
        self.faults = []
        subprocess.run(['initdb', '--no-sync', '--auth=trust', '--username=postgres', '--encoding=UTF8',
                        '--locale=C.UTF-8', '--pgdata', self.data], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.data, 'postgresql.conf'), 'a', encoding='utf-8') as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{directory}'\nfsync = off\n"
                       "shared_buffers = 16MB\nautovacuum_naptime = 1s\nwork_mem = 256kB\n"
                       "log_statement = all\nlog_line_prefix = '[%p] '\nmax_wal_size = 256MB\n"
                       # every import gets its worker
                       "min_parallel_table_scan_size = 0\n")
        self.start()
        tablespace = ''
        if disk:
            os.mkdir(os.path.join(disk, 'tablespace'))
            tablespace = f"CREATE TABLESPACE small LOCATION '{disk}/tablespace';\n"
        done = subprocess.run(['psql', '-Xq', '-h', directory, '-U', 'postgres', '-d', 'postgres'],
                              input=f'{tablespace}CREATE DATABASE crash {"TABLESPACE small" if disk else ""}',
                              check=False, text=True, stderr=subprocess.PIPE)
        if done.returncode != 0 or done.stderr:
            raise Fault(done.stderr)

    def start(self):
        """Starts it, or waits until it has recovered by itself."""
        for _ in range(200):
            if subprocess.run(['pg_ctl', '-s', '-w', '-t', '60', '-D', self.data, '-l', self.log, 'start'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.05)
        raise Fault('the server does not start again: ' + open(self.log, encoding='utf-8').read()[-2000:])

    def wait(self):
        """Waits until a server that lost a backend takes connections again."""
        for _ in range(600):
            if self.psql('SELECT 1').returncode == 0:
                return
            time.sleep(0.02)
        raise Fault('the server does not come back')

    def processes(self):
        """The postmaster, first, and its children."""
        with open(os.path.join(self.data, 'postmaster.pid'), encoding='utf-8') as file:
            postmaster = int(file.readline())
        return [postmaster] + [int(pid) for pid in os.listdir('/proc') if pid.isdigit() and parent_of(pid) == postmaster]

    def kill_all(self, processes):
        """SIGKILL for every process of the server, those that are known first, and the start after it."""
        kill(processes)
        started_since = self.processes()
        kill(started_since)
        for pid in processes + started_since:
            while os.path.exists(f'/proc/{pid}') and 'Z' not in state_of(pid):
                time.sleep(0.002)
        self.start()

    def command(self):
        return ['psql', '-XAtq', '-h', self.directory, '-U', 'postgres', '-d', 'crash', '-v', 'ON_ERROR_STOP=1',
                '-v', 'VERBOSITY=sqlstate']

    def psql(self, sql):
        return subprocess.run(self.command(), input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, text=True)

    def query(self, sql):
        """The answer; asked again where a server that lost a backend had not noticed yet."""
        done = self.psql(sql)
        if done.returncode == 2:
            self.wait()
            done = self.psql(sql)
        if done.returncode != 0:
            raise Fault(f'{sql}\n{done.stderr}')
        return done.stdout.strip()

    def has_begun(self, pid):
        """Has that backend begun a call of ours?  The log is read on from where it was."""
        with open(self.log, encoding='utf-8') as log:
            log.seek(self.log_read)
            lines = log.readlines()
            self.log_read = log.tell()
        self.faults += [line for line in lines if re.search('PANIC|TRAP', line)]
        return any(line.startswith(f'[{pid}] LOG:  statement: SELECT') and 'orgsync.' in line for line in lines)

    def stop(self):
        subprocess.run(['pg_ctl', '-s', '-D', self.data, '-m', 'immediate', 'stop'], check=False,
                       stderr=subprocess.DEVNULL)


def kill(processes):
    """SIGKILL for each that is still there."""
    for pid in processes:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def status_of(pid):
    """State and parent, as the kernel has them; of a process that is gone: like a zombie's without one."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            state, parent = file.read().rsplit(')', 1)[1].split()[:2]
            return state, int(parent)
    except (FileNotFoundError, ProcessLookupError):
        return 'Z', 0


def state_of(pid):
    return status_of(pid)[0]


def parent_of(pid):
    return status_of(pid)[1]


STATE = r"""
WITH cells AS (
    SELECT concat_ws('|', 'p', primary_email_address, unique_user_id, preferred_first_name, work_title) AS cell
        FROM acme.profiles
    UNION ALL SELECT concat_ws('|', 's', primary_email_address, header, status)
        FROM acme.seats NATURAL JOIN acme.profiles NATURAL JOIN acme.licenses
    UNION ALL SELECT concat_ws('|', 'm', primary_email_address, name)
        FROM acme.memberships NATURAL JOIN acme.profiles NATURAL JOIN acme.groups
    UNION ALL SELECT concat_ws('|', 'd', primary_email_address, action, column_name, old_value, new_value)
        FROM orgsync.diff('acme')
    UNION ALL SELECT concat_ws('|', 'u', u::text) FROM acme.seat_usage AS u
), exports AS (
    SELECT e.state, f.seq, f.kind, f.row_count, md5(f.csv) AS csv
        FROM acme.exports AS e LEFT JOIN acme.export_files AS f USING (export_id)
        WHERE export_id = (SELECT max(export_id) FROM acme.exports)
), last_findings AS (
    SELECT line, column_name, code FROM acme.import_findings
        WHERE import_id = (SELECT max(import_id) FROM acme.imports)
)
SELECT json_build_array(
    (SELECT md5(string_agg(cell, chr(10) ORDER BY cell COLLATE "C")) FROM cells),
    (SELECT md5(string_agg(exports::text, chr(10) ORDER BY seq)) FROM exports),
    (SELECT md5(string_agg(last_findings::text, chr(10) ORDER BY line, column_name, code)) FROM last_findings),
    (SELECT count(*) FROM acme.imports), (SELECT count(*) FROM acme.exports),
    (SELECT count(*) FROM acme.imports WHERE state <> 'applied'),
    (SELECT count(*) FROM acme.import_findings));
"""

HEALTH = r"""
SELECT format('verify_account: %s', v) FROM orgsync.verify_account('acme') AS v;
SELECT format('temporary file: %s', name) FROM pg_ls_tmpdir();
"""

STRANGERS = r"""
SELECT format('file of no table: %s', name) 
FROM pg_ls_dir(regexp_replace(pg_relation_filepath('pg_class'), '/[^/]*$', '')) AS name
WHERE name ~ '^[0-9]+(_[a-z]+)?(\.[0-9]+)?$'
    AND substring(name FROM '^[0-9]+')::oid NOT IN (
        SELECT pg_relation_filenode(oid) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL);
"""


class Circle:
    """The steps that an account goes round, and what it holds after each."""

    def __init__(self, server, directory, pick):
        self.server = server
        self.pick = pick
        self.rosters = [os.path.join(directory, f'{name}.csv') for name in 'AB']
        for seed, path in enumerate(self.rosters):
            write_roster(path, seed)
        self.step = 0
        self.learnt = {}
        self.durations = collections.defaultdict(lambda: collections.deque(maxlen=5))
        server.query("CREATE EXTENSION orgsync; SELECT orgsync.create_account('acme', 'linkedin_learning');"
                     f"SELECT orgsync.add_license('acme', '{LICENSES[0]}', {PEOPLE // 3}, 'invited');"
                     f"SELECT orgsync.add_license('acme', '{LICENSES[1]}', {PEOPLE // 3}, 'invited', 'waitlist');"
                     f"SELECT orgsync.add_license('acme', '{LICENSES[2]}');")
        server.query(self.call('import', 0))
        self.state = self.look()
        self.last_id = 1

    def look(self):
        return json.loads(self.server.query(STATE))

    def phase(self):
        return PHASES[self.step % 3]

    def call(self, phase=None, roster=None):
        phase = phase or self.phase()
        if phase == 'import':
            path = self.rosters[(self.step // 3 + 1) % 2 if roster is None else roster]
            return f"SELECT state FROM orgsync.import_file('acme', '{path}', mode => 'full', override => true)"
        if phase == 'export':
            return "SELECT count(*) FROM orgsync.export_csv('acme', override => true, rows_per_file => 1000)"
        return "SELECT orgsync.confirm_export('acme', (SELECT max(export_id) FROM acme.exports))"

    def expected(self, after):
        """Is that the state after this step?"""
        imports, exports = self.state[3], self.state[4]
        phase = self.phase()
        return (after[:3] == self.learnt[self.step % 6][:3] and after[5] == 0
                and after[3] == imports + (phase == 'import') and after[4] == exports + (phase == 'export'))

    def run_undisturbed(self):
        """A step without a fault; what comes of it is learnt, or must be what was learnt."""
        client, _, sql = session(self.server, self.call())
        begin = time.monotonic()
        client.stdin.write(sql)
        client.stdin.flush()
        answer = ''
        while 'answered' not in answer:
            line = client.stdout.readline()
            if line == '':
                raise Fault(f'{self.phase()} without a fault: {client.stderr.read()}')
            answer += line
        self.durations[self.step % 6].append(time.monotonic() - begin)
        client.communicate()
        after = self.look()
        if 12 <= self.step < 18:        # the first rounds differ: people come off the waiting list
            self.learnt[self.step % 6] = after
        elif self.step >= 18 and not self.expected(after):
            raise Fault(f'{self.phase()} without a fault: {after} instead of {self.learnt[self.step % 6]}')
        self.state = after
        self.step += 1

    def prune(self):
        """Ends the keeping of what is old, else the small disk would be full."""
        self.server.query("SELECT FROM orgsync.prune('acme', '3 minutes'); VACUUM;")
        self.state = self.look()


def session(server, sql):
    """A client that has begun a call; with the pid of its backend."""
    client = subprocess.Popen(server.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    client.stdin.write('SET statement_timeout = 0;\nSELECT pg_backend_pid();\n')
    client.stdin.flush()
    pid = int(client.stdout.readline())
    return client, pid, sql + ';\n\\echo answered\n'


def watch(server):
    """A client to look at another session with, which is connected already."""
    client = subprocess.Popen(server.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    ask(client, '')
    return client


def ask(client, sql):
    try:
        client.stdin.write(sql + '\n\\echo .\n')
        client.stdin.flush()
        lines = []
        while (line := client.stdout.readline()) not in ('.\n', ''):
            lines.append(line.strip())
        return ' '.join(lines)
    except BrokenPipeError:
        return ''


class Killer:
    """Stops steps, and judges what is left."""

    def __init__(self, server, circle, pick):
        self.server = server
        self.circle = circle
        self.pick = pick
        self.counts = collections.Counter()
        self.failures = []
        self.lateness = collections.deque([0], maxlen=15)

    def disturb(self, kind):
        """Stops a step once in that way; the account must be as before or as after."""
        circle, server, phase = self.circle, self.server, self.circle.phase()
        durations = sorted(circle.durations[circle.step % 6])
        moment = self.pick.random() * durations[len(durations) // 2] * 0.9
        observer = watch(server) if kind in ('cancel', 'terminate') else None
        client, pid, sql = session(server, circle.call())
        processes = server.processes() if kind == 'server' else []      # looking takes time
        if kind == 'timeout':
            sql = f'SET statement_timeout = {max(1, int(moment * 1000))};\n{sql}'
        if kind == 'memory':
            used = int(re.search(r'VmSize:\s+(\d+)', open(f'/proc/{pid}/status', encoding='utf-8').read())[1])
            subprocess.run(['prlimit', f'--pid={pid}', f'--as={(used + self.pick.randrange(0, 6000)) * 1024}'],
                           check=True)
        if kind == 'disk':
            self.fill_disk()
        begin = time.monotonic()
        client.stdin.write(sql)
        client.stdin.flush()
        if kind in ('backend', 'server', 'cancel', 'terminate'):
            self.sleep_until(begin + moment)
        if kind == 'backend':
            kill([pid])
        elif kind == 'server':
            server.kill_all([pid] + processes)      # first the one that works: a call may last but milliseconds
        elif kind in ('cancel', 'terminate'):
            ask(observer, f'SELECT pg_{kind}_backend({pid});')
        output, errors = client.communicate()
        if observer:
            observer.communicate()
        if kind == 'disk':
            self.empty_disk()
        server.wait()
        answered = 'answered' in output
        inside = not answered and server.has_begun(pid)
        self.counts[kind, phase, 'inside' if inside else 'outside'] += 1
        self.judge(kind, phase, answered, errors)

    def sleep_until(self, moment):
        """Sleeps until then; on a busy machine, less by what sleeps have lately lasted too long."""
        moment -= sorted(self.lateness)[len(self.lateness) // 2]
        time.sleep(max(0, moment - time.monotonic()))
        self.lateness.append(max(0, time.monotonic() - moment))

    def judge(self, kind, phase, answered, errors):
        circle, server = self.circle, self.server
        after = circle.look()
        problems = []
        if circle.expected(after):
            self.counts[kind, phase, 'all'] += 1
            circle.state = after
            circle.step += 1
        elif after == circle.state:
            self.counts[kind, phase, 'nothing'] += 1
            if answered:
                problems.append('the answer came, and nothing is there')
        else:
            problems.append(f'before {circle.state}, after {after}, expected {circle.learnt[circle.step % 6]}')
            circle.state = after
            circle.step += 1
        health = server.query(HEALTH + ('' if kind in ('backend', 'server') else STRANGERS))
        if health:
            problems.append(health)
        if kind == 'memory' and not answered and '53200' not in errors and '57P0' not in errors \
                and 'XX000' not in errors and '58P01' not in errors:
            problems.append('out of memory, but: ' + errors)
        if kind == 'disk' and not answered and '53100' not in errors:
            problems.append('out of disk, but: ' + errors)
        for problem in problems:
            self.failures.append(f'{kind} in {phase}: {problem}')
            print('not ok:', self.failures[-1], flush=True)

    def fill_disk(self):
        """Leaves a random little of the small disk, which the account's tables are on."""
        status = os.statvfs(self.server.disk)
        free = status.f_bavail * status.f_frsize
        with open(os.path.join(self.server.disk, 'ballast'), 'wb') as file:
            if free > 64 * 8192:
                os.posix_fallocate(file.fileno(), 0, free - self.pick.randrange(0, 64) * 8192)

    def empty_disk(self):
        os.remove(os.path.join(self.server.disk, 'ballast'))


def check_leaks(server, circle):
    """
    One session in which calls are cancelled again and again does not grow for ever.
    It may reach some statements, whose plans it keeps, only after many calls.
    """
    sizes = []
    client = watch(server)
    client.stdin.write('\\unset ON_ERROR_STOP\n')
    for phase in PHASES[:2]:        # whose plans the session keeps rightly
        ask(client, f'BEGIN; {circle.call(phase)}; ROLLBACK;')
    for attempt in range(150):
        for phase in PHASES[:2]:
            ask(client, f'SET statement_timeout = {5 + attempt % 40};')
            ask(client, circle.call(phase) + ';')
            while ask(client, 'RESET statement_timeout; SHOW statement_timeout;') != '0':
                if client.poll() is not None:
                    raise Fault('the session has gone')
        if attempt % 30 == 29:
            sizes.append(int(ask(client, 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts;')))
            if len(sizes) > 1 and sizes[-1] - sizes[-2] < 256 * 1024:
                break
    client.communicate()
    print(f'a session after each 30 calls that ran out of time: {sizes} bytes')
    return sizes[-1] - sizes[-2] < 256 * 1024


def table(counts):
    """What happened, by kind and phase."""
    print(f'{"":12}{"phase":14}{"points":>8}{"inside":>8}{"nothing":>9}{"all":>6}')
    for kind in ['backend', 'server'] + KINDS:
        for phase in PHASES:
            inside, outside = counts[kind, phase, 'inside'], counts[kind, phase, 'outside']
            if inside + outside:
                print(f'{kind:12}{phase:14}{inside + outside:8}{100 * inside // (inside + outside):7}%'
                      f'{counts[kind, phase, "nothing"]:9}{counts[kind, phase, "all"]:6}')
    for kinds in (('backend', 'server'), ('backend', 'server', *KINDS)):
        inside, outside = (sum(counts[kind, phase, where] for kind in kinds for phase in PHASES)
                           for where in ('inside', 'outside'))
        print(f'{inside} of {inside + outside} points ({", ".join(kinds)}) were inside a call')


def main():
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    pick = random.Random(seed)
    print(f'seed {seed}', flush=True)
    directory = tempfile.mkdtemp(prefix='crash')
    disk = os.environ.get('SMALL_DISK')
    server = Server(directory, disk)
    try:
        circle = Circle(server, directory, pick)
        for _ in range(24):
            circle.run_undisturbed()
        killer = Killer(server, circle, pick)
        plan = ['backend', 'server'] * (points // 2)
        plan += [kind for kind in KINDS for _ in range(max(1, points // 10)) if disk or kind != 'disk']
        pick.shuffle(plan)
        stuck = 0
        for number, kind in enumerate(plan):
            if number % 60 == 59:       # how long a step takes drifts
                for _ in range(6):
                    circle.run_undisturbed()
                circle.prune()
                print(f'# {number + 1} of {len(plan)}', flush=True)
            step = circle.step
            killer.disturb(kind)
            stuck = 0 if circle.step > step else stuck + 1
            if stuck >= 4:          # else the later steps would hardly be reached
                circle.run_undisturbed()
                stuck = 0
        table(killer.counts)
        print('a step takes', ', '.join(f'{PHASES[step % 3]} {1000 * sorted(times)[len(times) // 2]:.0f} ms'
                                        for step, times in sorted(circle.durations.items())))
        if not check_leaks(server, circle):
            killer.failures.append('memory leaks')
        killer.failures += server.faults
        server.stop()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print('\n'.join(killer.failures))
    print(f'{len(plan) - len(killer.failures)} passed, {len(killer.failures)} failed')
    sys.exit(1 if killer.failures else 0)


if __name__ == '__main__':
    main()
