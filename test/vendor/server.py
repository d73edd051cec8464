"""A server's session: one psql that is kept running, since a process for each statement would take most of the time."""

import json
import subprocess


class StatementError(Exception):
    def __init__(self, sqlstate, message):
        super().__init__('%s %s' % (sqlstate, message))
        self.sqlstate = sqlstate
        self.message = message


def literal(value):
    """A value as SQL has it; text is right whatever it holds."""
    if value is None:
        return 'NULL'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return 'ARRAY[%s]::text[]' % ', '.join(literal(item) for item in value)
    return "E'%s'" % (str(value).replace('\\', '\\\\').replace("'", "''").replace('\r', '\\r').replace('\n', '\\n'))


class Session:
    def __init__(self, *arguments):
        self.count = 0
        self.psql = subprocess.Popen(
            ['psql', '-XqAt', '-v', 'VERBOSITY=default', '-v', 'ON_ERROR_STOP=0', *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8', errors='replace')
        self.run("SET client_min_messages = 'warning'")

    def run(self, statement):
        """Runs one statement; what it printed.  Raises StatementError."""
        self.count += 1
        marker = '<<end of %d>>' % self.count
        self.psql.stdin.write('%s;\n\\echo %s :SQLSTATE\n' % (statement, marker))
        self.psql.stdin.flush()
        lines = []
        while True:
            line = self.psql.stdout.readline()
            if line == '':
                raise StatementError('08006', 'psql has gone: %s' % ''.join(lines))
            if line.startswith(marker):
                break
            lines.append(line)
        output = ''.join(lines).rstrip('\n')
        sqlstate = line[len(marker):].strip()
        if sqlstate != '00000':
            raise StatementError(sqlstate, output)
        return output

    def rows(self, query):
        """The query's rows, each an object."""
        return json.loads(self.run("SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM (%s) AS q" % query))

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()
