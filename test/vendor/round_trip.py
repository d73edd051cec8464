#!/usr/bin/env python3
"""test/vendor/round_trip.py [--days N] [--seed N ...] [--product NAME ...] [--calm] [--log FILE]

Random days in the life of an account and its simulated vendor (vendor.py): files
of two feeds and plain SQL change the account, exports bring the vendor after it,
and uploads fail as they do in life: rows are refused, the vendor breaks off in
the middle of a file, results are lost, people change things meanwhile.

After each confirmation the vendor must have what the account believes it has;
at the end of a day on which nothing failed, what the account has.  What is
exported must be exactly what the diff shows, no file may be refused for a seat,
a header or an empty cell, and no file may ever take the vendor over its seats.

Everything follows from product and seed, so a failure can be repeated; it is
shown with all that was done since account and vendor agreed the last time.  The
server is the one that psql finds.  Exit status 1: a property did not hold.
"""

import argparse
import csv
import io
import itertools
import json
import random
import sys

from server import Session, StatementError, literal
from vendor import GROUP_PERMISSIONS, PERMISSIONS, YES, Refused, Upload, Vendor, permission_scope

ACCOUNT = 'trip'
FIRST_NAMES = ('Ann', 'Bob', 'Chloé', 'Dan', 'Eve', 'Fay', 'Gus', 'Zoë', "D'Arcy", 'José')
LAST_NAMES = ('Archer', 'Baker', 'Carter', 'O\'Neil', 'Smith', 'Müller', 'Lee', 'Ng')
TITLES = ('CEO', 'Analyst', 'Analyst, senior', 'The "Fixer"', '=SUM(A1)', 'Größe & Co', 'two  blanks', '+1', 'Ω', '')
GROUPS = ('HR', 'Sales', 'R&D', 'Field Staff', 'Größe', 'IT, "Ops"', 'Paris')
LOCATIONS = ({'Country': 'CA', 'Region': 'CA-QC'}, {'Country': 'CA', 'Region': 'CA-ON', 'Language': 'fr'},
             {'Country': 'US', 'Region': 'US-NY'})
ATTRIBUTES = ('floor', 'cost_center', 'Team')

LICENSES = {
    'linkedin_learning': (('Default_license_learning_proAllLanguages_status', 14, 'invited', 'reject'),
                          ('R&D budget_license_learning_pro_status', 9, 'activated', 'reject'),
                          ('Sales_license_learning_proFrench_status', 6, 'invited', 'waitlist')),
    'talent_insights': (('license_talentInsights_talentInsights_status', 14, 'invited', 'reject'),
                        ('license_talentInsights_extra_status', 6, 'invited', 'waitlist')),
    'workleap': (('active_students', 14, 'invited', 'reject'),),
}

# Refusals of plain SQL that are the business of orgsync or of a constraint, not faults: a seat that is not
# there, a duplicate, an address or id that is somebody's, a threshold.
EXPECTED_ERRORS = {'23505', '23514', '23503', '55000', '25P02', 'P0002', '02000', '3B001'}

# What a vendor may refuse a file's rows for although nothing failed before: what orgsync cannot know.
# Deleted people stay at the vendor, who knows of groups what the files told it.
HONEST_REFUSALS = {'duplicate', 'permission_group', 'email_taken', 'id_taken'}


# How uploads go, and how often.
SCENARIOS = {
    'clean': 10,                # all files are uploaded, whatever the vendor says
    'refuse': 4,                # rows fail for no reason of theirs; there are results files
    'break': 3,                 # the vendor breaks off in the middle of a file; so do we
    'lose': 1,                  # files are uploaded, but nobody confirms it
    'doubt': 1,                 # the same, but somebody looks what the vendor has
    'never': 2,                 # nothing is uploaded
}


class Failure(Exception):
    """A property does not hold."""


def email_of(rng, first, last):
    plain = [''.join(c for c in name.lower() if c.isascii() and c.isalnum()) or 'x' for name in (first, last)]
    local = rng.choice(('{0}.{1}', '{0}.{1}', '{0}.{1}', '{0}{1}', '{1}', '{0}.{1}+x', '{0}-{1}{2}')).format(
        *plain, rng.randrange(4))
    return '%s@%s' % (local, rng.choice(('example.com', 'example.com', 'example.org')))


class Account:
    """What a company does to its account, at random."""

    def __init__(self, session, product, rng):
        self.session = session
        self.product = product
        self.rng = rng
        self.log = []
        self.rosters = {'hr': {}, 'it': {}}
        self.statements = 0
        self.session.run('DROP SCHEMA IF EXISTS %s CASCADE' % ACCOUNT)
        self.run("SELECT orgsync.create_account('%s', '%s')" % (ACCOUNT, product))
        for header, seats, counting, when_full in LICENSES[product]:
            if product == 'workleap':   # has the license already
                self.run("SELECT orgsync.set_seats('%s', %s, %d)" % (ACCOUNT, literal(header), seats))
                continue
            self.run("SELECT orgsync.add_license('%s', %s, %d, '%s', '%s')"
                     % (ACCOUNT, literal(header), seats, counting, when_full))
        for name in GROUPS[:4]:
            self.run('INSERT INTO trip.groups (name) VALUES (%s)' % literal(name))

    def run(self, statement, expected=()):
        """Runs a statement, which goes to the log; None if it was refused as it may be."""
        self.statements += 1
        try:
            result = self.session.run(statement)
        except StatementError as error:
            self.log.append('%s;  -- %s' % (statement, error.sqlstate))
            if error.sqlstate not in expected:
                raise Failure('%s\n%s' % (statement, error))
            return None
        self.log.append(statement + ';')
        return result

    def rows(self, query):
        return self.session.rows(query)

    def value(self, query):
        return self.session.run(query)

    # Plain SQL -----------------------------------------------------------------

    @property
    def learning(self):
        return self.product == 'linkedin_learning'

    def text(self):
        return literal(self.rng.choice((None, *TITLES)))

    def someone(self):
        """The number of somebody who is there."""
        if not self.ids:
            return 0
        return self.rng.choice(self.ids)

    def load_ids(self):
        self.ids = [row['profile_id'] for row in self.rows('SELECT profile_id FROM trip.profiles ORDER BY 1')]

    def new_id(self):
        return '%s%d' % (self.rng.choice('ABC'), self.rng.randrange(40))

    def write(self, statement):
        self.run(statement, EXPECTED_ERRORS)

    def insert_profile(self):
        rng = self.rng
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        has_name = rng.random() < 0.8
        attributes = {name: rng.choice(('1', '2', 'x, y')) for name in ATTRIBUTES
                      if self.learning and rng.random() < 0.2}
        if self.product == 'workleap' and rng.random() < 0.9:
            attributes = dict(rng.choice(LOCATIONS))
        email = email_of(rng, first, last)
        self.write('INSERT INTO trip.profiles (primary_email_address, unique_user_id, preferred_first_name,'
                   ' preferred_last_name, work_title, attributes, reupload_user_profile)'
                   ' VALUES (%s, %s, %s, %s, %s, %s, %s)' % (
                       literal(email), literal(self.new_id() if self.learning and rng.random() < 0.5 else None),
                       literal(first if has_name else None), literal(last if has_name else None), self.text(),
                       literal(json.dumps(attributes)), literal(rng.random() < 0.2)))
        self.load_ids()
        for change in rng.sample((self.take_seat, self.join_group, self.join_group, self.set_permission), 2):
            change(self.ids[-1] if self.ids else 0)

    def delete_profile(self):
        self.write('DELETE FROM trip.profiles WHERE profile_id = %d' % self.someone())

    def replace_profile(self):
        """Deleted and made again, with the same address or the same id."""
        rng = self.rng
        number = self.someone()
        self.write(
            'WITH gone AS (DELETE FROM trip.profiles WHERE profile_id = %d RETURNING *)'
            ' SELECT set_config(\'trip.gone\', coalesce((SELECT to_jsonb(gone)::text FROM gone), \'{}\'), false)' % number)
        gone = json.loads(self.value("SELECT current_setting('trip.gone')"))
        if not gone:
            return
        kept = rng.choice(('email', 'id', 'both'))
        email = gone['primary_email_address'] if kept != 'id' else email_of(rng, 'Again', rng.choice(LAST_NAMES))
        if rng.random() < 0.3:
            email = email.upper()
        unique_user_id = gone['unique_user_id'] if kept != 'email' else self.new_id() if self.learning else None
        self.write('INSERT INTO trip.profiles (primary_email_address, unique_user_id, preferred_first_name,'
                   ' preferred_last_name, work_title) VALUES (%s, %s, %s, %s, %s)' % (
                       literal(email), literal(unique_user_id), literal(gone['preferred_first_name']),
                       literal(gone['preferred_last_name']), self.text()))
        self.load_ids()
        for change in rng.sample((self.take_seat, self.join_group, self.set_permission), rng.randrange(3)):
            change(self.ids[-1] if self.ids else 0)

    def change_text(self):
        column = self.rng.choice(('preferred_first_name', 'preferred_last_name', 'work_title', 'work_title'))
        self.write('UPDATE trip.profiles SET %s = %s WHERE profile_id = %d' % (column, self.text(), self.someone()))

    def change_texts(self):
        self.write('UPDATE trip.profiles SET work_title = %s, preferred_first_name = %s WHERE profile_id %% 5 = %d'
                   % (self.text(), literal(self.rng.choice(FIRST_NAMES)), self.rng.randrange(5)))

    def undo_text(self):
        """There and back again: no change."""
        number = self.someone()
        self.write('UPDATE trip.profiles SET work_title = work_title || \'!\' WHERE profile_id = %d' % number)
        self.write('UPDATE trip.profiles SET work_title = left(work_title, -1)'
                   ' WHERE profile_id = %d AND work_title <> \'\'' % number)

    def change_attribute(self):
        if not self.learning:
            return
        name = self.rng.choice(ATTRIBUTES)
        change = self.rng.choice(("|| jsonb_build_object(%s, %s)" % (literal(name), literal(self.rng.choice('abc'))),
                                  "- %s" % literal(name)))
        self.write('UPDATE trip.profiles SET attributes = attributes %s WHERE profile_id = %d' % (change, self.someone()))

    def rename(self):
        rng = self.rng
        email = email_of(rng, rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES))
        self.write('UPDATE trip.profiles SET primary_email_address = %s WHERE profile_id = %d'
                   % (literal(email), self.someone()))

    def change_case(self):
        self.write('UPDATE trip.profiles SET primary_email_address = upper(primary_email_address::text)::orgsync.email_address'
                   ' WHERE profile_id = %d' % self.someone())

    def pass_on(self):
        """Addresses, or ids, go round among two or three people, or move up in a chain."""
        rng = self.rng
        if len(self.ids) < 3:
            return
        column = rng.choice(('primary_email_address', 'unique_user_id')) if self.learning else 'primary_email_address'
        people = rng.sample(self.ids, rng.choice((2, 3)))
        values = {row['profile_id']: row['value'] for row in self.rows(
            'SELECT profile_id, %s::text AS value FROM trip.profiles' % column)}
        if any(number not in values for number in people):
            return
        in_circle = rng.random() < 0.4
        self.write('BEGIN')
        if in_circle:
            self.write('UPDATE trip.profiles SET %s = %s WHERE profile_id = %d'
                       % (column, literal('aside%d@example.net' % people[0] if 'email' in column else 'ASIDE'), people[0]))
        else:
            self.write('UPDATE trip.profiles SET %s = %s WHERE profile_id = %d' % (
                column, literal(email_of(rng, 'New', rng.choice(LAST_NAMES)) if 'email' in column else self.new_id()),
                people[0]))
        for number, previous in zip(people[1:], people):
            self.write('UPDATE trip.profiles SET %s = %s WHERE profile_id = %d' % (column, literal(values[previous]), number))
        if in_circle:
            self.write('UPDATE trip.profiles SET %s = %s WHERE profile_id = %d'
                       % (column, literal(values[people[-1]]), people[0]))
        self.write('COMMIT')

    def change_id(self):
        if self.learning:
            value = literal(self.rng.choice((None, self.new_id(), self.new_id())))
            self.write('UPDATE trip.profiles SET unique_user_id = %s WHERE profile_id = %d' % (value, self.someone()))

    def license(self):
        return self.rng.choice(LICENSES[self.product])[0]

    def take_seat(self, number=None):
        status = self.rng.choice(('invited', 'invited', 'invited', 'activated', 'unassigned', 'waitlisted'))
        self.write("INSERT INTO trip.seats SELECT %d, license_id, '%s' FROM trip.licenses WHERE header = %s"
                   ' ON CONFLICT (profile_id, license_id) DO UPDATE SET status = EXCLUDED.status'
                   % (number or self.someone(), status, literal(self.license())))

    def give_seat(self):
        self.write('DELETE FROM trip.seats WHERE profile_id = %d' % self.someone())

    def move_seat(self):
        """D: "To reassign a seat, you must first revoke the license of the current user"; here in one statement."""
        self.write('UPDATE trip.seats SET profile_id = %d WHERE profile_id = %d'
                   ' AND license_id = (SELECT license_id FROM trip.licenses WHERE header = %s)'
                   % (self.someone(), self.someone(), literal(self.license())))

    def call_seat(self):
        function = self.rng.choice(('grant_seat', 'revoke_seat', 'activate'))
        email = self.value('SELECT primary_email_address FROM trip.profiles WHERE profile_id = %d' % self.someone())
        if email:
            self.write("SELECT orgsync.%s('trip', %s, %s)" % (function, literal(email), literal(self.license())))

    def join_group(self, number=None):
        self.write('INSERT INTO trip.memberships SELECT %d, group_id FROM trip.groups WHERE name = %s'
                   ' ON CONFLICT DO NOTHING' % (number or self.someone(), literal(self.rng.choice(GROUPS))))

    def leave_group(self):
        self.write('DELETE FROM trip.memberships WHERE profile_id = %d' % self.someone())

    def change_groups(self):
        name = literal(self.rng.choice(GROUPS))
        other = literal(self.rng.choice(GROUPS))
        self.write(self.rng.choice((
            'INSERT INTO trip.groups (name) VALUES (%s)' % name,
            'UPDATE trip.groups SET name = %s WHERE name = %s' % (other, name),
            'UPDATE trip.groups SET name = upper(name) WHERE name = %s' % name,
            'DELETE FROM trip.groups WHERE name = %s' % name,
            'INSERT INTO trip.memberships SELECT p.profile_id, g.group_id FROM trip.profiles p, trip.groups g'
            ' WHERE g.name = %s AND p.profile_id %% 3 = %d ON CONFLICT DO NOTHING' % (name, self.rng.randrange(3)))))

    def set_permission(self, number=None):
        if not self.learning:
            return
        permission = self.rng.choice(PERMISSIONS + GROUP_PERMISSIONS)
        scope = self.rng.choice(('yes', 'no'))
        if permission in GROUP_PERMISSIONS and self.rng.random() < 0.6:
            scope = ' '.join('group:' + name for name in self.rng.sample(('HR', 'Sales', 'Field Staff', 'R&D'), 2))
        self.write("INSERT INTO trip.permissions VALUES (%d, '%s', %s)"
                   ' ON CONFLICT (profile_id, permission) DO UPDATE SET scope = EXCLUDED.scope'
                   % (number or self.someone(), permission, literal(scope)))

    def drop_permission(self):
        self.write('DELETE FROM trip.permissions WHERE profile_id = %d' % self.someone())

    # Files ---------------------------------------------------------------------

    def roster_row(self):
        rng = self.rng
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        return {'email': email_of(rng, first, last), 'first': first, 'last': last,
                'id': self.new_id() if rng.random() < 0.5 else '', 'title': rng.choice(('CEO', 'Analyst', 'Boss')),
                'licenses': [rng.choice(('active', 'active', 'inactive', '')) for _ in LICENSES[self.product]],
                'groups': [rng.choice(('yes', 'no', '')) for _ in range(3)], 'dept': rng.choice(GROUPS[:3])}

    def change_roster(self, feed):
        rng = self.rng
        roster = self.rosters[feed]
        for _ in range(rng.randrange(1, 4)):
            row = self.roster_row()
            if len(roster) < 14:
                roster[row['email']] = row
        for email in rng.sample(sorted(roster), min(len(roster), rng.randrange(4))):
            change = rng.choice(('title', 'licenses', 'groups', 'gone', 'email', 'dept'))
            row = roster[email]
            if change == 'gone':
                del roster[email]
            elif change == 'email':
                row['email'] = email_of(rng, row['first'], row['last'])
            else:
                row[change] = self.roster_row()[change]

    def import_feed(self):
        rng = self.rng
        if self.product == 'workleap':
            self.import_students()
            return
        feed = rng.choice(('hr', 'it'))
        self.change_roster(feed)
        licenses = [license[0] for license in LICENSES[self.product]]
        header = ['primary_email_address', 'work_title']
        cells = [lambda row: row['email'], lambda row: row['title']]
        if feed == 'hr':
            header += ['preferred_first_name', 'preferred_last_name', licenses[0], 'group: HR', 'group: Sales']
            cells += [lambda row: row['first'], lambda row: row['last'], lambda row: row['licenses'][0],
                      lambda row: row['groups'][0], lambda row: row['groups'][1]]
            if self.learning:
                header.append('unique_user_id')
                cells.append(lambda row: row['id'])
        else:
            header += [licenses[1], 'Dept']
            cells += [lambda row: row['licenses'][1], lambda row: row['dept']]
        if self.product == 'talent_insights':
            existing = {row['name'].casefold() for row in self.rows('SELECT name FROM trip.groups')}
            kept = [i for i, name in enumerate(header)
                    if not name.startswith('group:') or name[6:].strip().casefold() in existing]
            header, cells = [header[i] for i in kept], [cells[i] for i in kept]
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(header)
        for row in self.rosters[feed].values():
            writer.writerow([cell(row) for cell in cells])
        mapping = ', columns => \'{"Dept": "group"}\'' if feed == 'it' else ''
        self.run("SELECT state FROM orgsync.import_csv('trip', %s, feed => '%s', mode => '%s', override => %s%s)" % (
            literal(text.getvalue()), feed, rng.choice(('patch', 'full')), literal(rng.random() < 0.5), mapping))

    def import_students(self):
        """Workleap's template; the groups are chosen for the whole import."""
        rng = self.rng
        self.change_roster('hr')
        groups = [row['name'] for row in self.rows('SELECT name FROM trip.groups ORDER BY 1')]
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(['Name', 'Email', 'Country', 'Region', 'Title'])
        for row in self.rosters['hr'].values():
            place = rng.choice(LOCATIONS)
            writer.writerow(['%s %s' % (row['first'], row['last']), row['email'], place['Country'], place['Region'],
                             row['title']])
        self.run("SELECT state FROM orgsync.import_csv('trip', %s, mode => '%s', override => %s, groups => %s)" % (
            literal(text.getvalue()), rng.choice(('patch', 'full')), literal(rng.random() < 0.5),
            literal(rng.sample(groups, min(len(groups), rng.randrange(3))))))

    def change(self):
        """One thing that happens."""
        rng = self.rng
        self.load_ids()
        few = len(self.ids) < 25
        rng.choices(
            (self.insert_profile, self.delete_profile, self.replace_profile, self.change_text, self.change_texts,
             self.undo_text, self.change_attribute, self.rename, self.change_case, self.pass_on, self.change_id,
             self.take_seat, self.give_seat, self.move_seat, self.call_seat, self.join_group, self.leave_group,
             self.change_groups, self.set_permission, self.drop_permission, self.import_feed, self.transaction),
            (20 if few else 5, 5, 4, 6, 1, 2, 4, 6, 2, 6, 4, 8, 4, 4, 4, 6, 3, 4, 6, 2, 8, 3))[0]()

    def transaction(self):
        """Several changes at once, perhaps all of them undone."""
        self.write('BEGIN')
        for change in self.rng.choices((self.change_text, self.rename, self.take_seat, self.join_group,
                                        self.delete_profile, self.give_seat), k=3):
            if self.rng.random() < 0.3:
                self.write('SAVEPOINT a')
                change()
                self.write('ROLLBACK TO SAVEPOINT a')
            change()
        self.write(self.rng.choice(('COMMIT', 'COMMIT', 'ROLLBACK')))


def workleap_texts(texts):
    """The same as this product's files have it."""
    name = ' '.join(filter(None, (texts.get('preferred_first_name'), texts.get('preferred_last_name'))))
    has = {'Name': name, 'Title': texts.get('work_title')}
    has.update({column: texts.get('attribute_' + column) for column in ('Country', 'Region', 'Language')})
    return {column: text for column, text in has.items() if text}


class Belief:
    """A person as the account, or the vendor, has him; cells that are not set are not there."""

    def __init__(self):
        self.id = None
        self.texts, self.permissions = {}, {}
        self.licenses, self.groups = set(), set()

    def cells(self):
        return {**{'id': self.id}, **self.texts, **self.permissions,
                **{('license', name): True for name in self.licenses}, **{('group', name): True for name in self.groups}}


PEOPLE = '''
SELECT p.profile_id, p.primary_email_address::text AS email, p.unique_user_id AS id,
    jsonb_build_object('preferred_first_name', p.preferred_first_name, 'preferred_last_name', p.preferred_last_name,
        'work_title', p.work_title) AS texts, p.attributes,
    ARRAY(SELECT l.header::text FROM trip.seats s JOIN trip.licenses l USING (license_id)
        WHERE s.profile_id = p.profile_id AND s.status IN ('invited', 'activated')) AS licenses,
    ARRAY(SELECT g.name FROM trip.memberships m JOIN trip.groups g USING (group_id)
        WHERE m.profile_id = p.profile_id) AS groups,
    coalesce((SELECT jsonb_object_agg(a.permission, a.scope::text) FROM trip.permissions a
        WHERE a.profile_id = p.profile_id), '{}') AS permissions
FROM trip.profiles p'''


class Trip:
    """An account, its vendor, and the days."""

    def __init__(self, session, product, seed, has_faults):
        self.has_faults = has_faults
        self.rng = random.Random('%s %d' % (product, seed))
        self.product = product
        self.vendor = Vendor(product)
        for header, seats, counting, _ in LICENSES[product]:
            self.vendor.add_license(header, seats, counting)
        self.account = Account(session, product, self.rng)
        self.agree = True          # the vendor has what the account believes
        self.returned = set()      # people at the vendor who were deleted, and came back
        self.must_look = False     # somebody was deleted at the vendor's whom the account may know by an id
        self.counts = {}
        self.account.log.clear()

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def note(self, text):
        self.account.log.append('-- ' + text)

    # What the account believes that the vendor has -------------------------------

    def cell(self, person, column, value):
        """Sets a cell as a diff has it."""
        kind, name = self.vendor.classify(column)
        if kind == 'id':
            person.id = value
        elif kind == 'text':
            person.texts.pop(name, None)
            if value:
                person.texts[name] = value
        elif kind == 'license':
            (person.licenses.add if value == 'active' else person.licenses.discard)(name.lower())
        elif kind == 'group':
            (person.groups.add if YES[value] else person.groups.discard)(name.casefold())
        elif kind == 'permission':
            scope = permission_scope(value)
            person.permissions.pop(name, None)
            if scope:
                person.permissions[name] = scope

    def wanted(self):
        """What the account's tables say: by profile_id, the address and the person."""
        people = {}
        for row in self.account.rows(PEOPLE):
            person = Belief()
            person.id = row['id'] if self.product == 'linkedin_learning' else None
            person.texts = {name: text for name, text in row['texts'].items() if text}
            person.texts.update({'attribute_' + name: text for name, text in row['attributes'].items() if text})
            if self.product == 'workleap':
                person.texts = workleap_texts(person.texts)
            person.licenses = {name.lower() for name in row['licenses']}
            person.groups = {name.casefold() for name in row['groups']}
            person.permissions = {name: permission_scope(scope) for name, scope in row['permissions'].items()
                                  if scope != 'no'}
            people[row['profile_id']] = (row['email'], person)
        return people

    def diff(self):
        return self.account.rows("SELECT * FROM orgsync.diff('trip')")

    def to_export(self):
        """The diff, without whom a file would make active who has no seat."""
        diff = self.diff()
        seated = {row['profile_id'] for row in diff if row['column_name'] == 'active_students'}
        return [row for row in diff if self.product != 'workleap' or row['action'] != 'add' or row['profile_id'] in seated]

    def believed(self):
        """By address: the person, and whether he was deleted here.  And the addresses of people who are pending as
        a whole: of who was deleted, or deleted and made again, all is exported again until all was confirmed."""
        people = self.wanted()
        deleted = set()
        as_a_whole, pending = set(), set()
        remade = {row['profile_id'] for row in
                  self.account.rows('SELECT DISTINCT profile_id FROM trip.changes WHERE column_name IS NULL')}
        for row in self.diff():
            number = row['profile_id']
            if row['action'] == 'add':
                people.pop(number, None)
                continue
            if number not in people or number in remade:
                as_a_whole.add(number)
                pending.add((row['primary_email_address'] or '').lower())
            if number not in people:
                people[number] = (row['primary_email_address'], Belief())
                deleted.add(number)
            email, person = people[number]
            if self.vendor.classify(row['column_name'])[0] == 'email':
                people[number] = (row['old_value'], person)
            else:
                self.cell(person, row['column_name'], row['old_value'])
        believed = {}
        for number, (email, person) in people.items():
            if email is None:       # back, and known by the id alone: by hand, the address went to somebody else
                continue
            if email.lower() in believed:
                raise Failure('the account believes that the vendor has %s twice' % email)
            believed[email.lower()] = (person, number in deleted)
            if number in as_a_whole:
                pending.add(email.lower())
        return believed, pending

    def has(self, person):
        """A person of the vendor's as a Belief."""
        has = Belief()
        has.id = person.id
        has.texts = person.texts
        has.permissions = person.permissions
        has.licenses = {name for name, status in person.licenses.items() if status != 'unassigned'}
        has.groups = person.groups
        return has

    def compare(self, when):
        """The vendor has what the account believes."""
        if not self.agree:
            return
        faults = []
        believed, pending = self.believed()
        for person in self.vendor.people:
            belief, is_deleted = believed.pop(person.email.lower(), (Belief(), True))
            if person.email.lower() in pending:
                continue
            has, expected = self.has(person).cells(), belief.cells()
            for name in sorted(set(has) | set(expected), key=str):
                if has.get(name) == expected.get(name):
                    continue
                is_text = name == 'id' or name in person.texts
                # the vendor keeps what it knows of people who were deleted here, and of those who came back
                if is_text and expected.get(name) is None and (is_deleted or person in self.returned):
                    continue
                faults.append('%s %s: the vendor has %r, the account believes %r'
                              % (person.email, name, has.get(name), expected.get(name)))
        for email in set(believed) - pending:
            faults.append('%s: the vendor does not have it' % email)
        if faults:
            raise Failure('%s:\n%s' % (when, '\n'.join(faults)))

    # Export, upload, confirmation -------------------------------------------------

    def check_cells(self, diff, files):
        """The files have rows for the people of the diff, with its cells, and change nothing else."""
        expected, exported = {}, {}
        emails = {}
        for row in diff:
            key = (row['profile_id'], self.vendor.classify(row['column_name']))
            expected[key] = row['new_value']
        for file in files:
            header, *records = csv.reader(io.StringIO(file['csv'], newline=''))
            if len(records) != file['row_count'] or len(records) != len(file['profile_ids']):
                raise Failure('%s has %d rows' % (file['file_name'], len(records)))
            for number, record in zip(file['profile_ids'], records):
                row = dict(zip(header, record))
                if file['kind'] == 'manual':
                    exported[number, self.vendor.classify(row['column_name'])] = row['new_value'] or None
                    continue
                for column, cell in row.items():
                    kind, name = self.vendor.classify(column)
                    if kind == 'new_id':
                        exported[number, ('id', None)] = cell
                    elif kind in ('existing', 'reupload') or (kind == 'id' and file['kind'] != 'add'
                                                              and (number, (kind, name)) not in expected):
                        pass
                    elif kind == 'email':
                        emails.setdefault(number, {})[file['kind']] = cell
                    elif kind == 'id' and file['kind'] == 'rename':
                        pass
                    elif cell:
                        exported[number, (kind, name)] = cell
                if self.product == 'workleap':      # that the row is there makes him active, with the file's groups
                    exported.update({key: value for key, value in expected.items()
                                     if key[0] == number and key[1][0] in ('license', 'group')})
        for number, by_kind in emails.items():
            key = (number, ('email', None))
            if key in expected and key not in exported and {'rename', 'add'} & set(by_kind):
                exported[key] = by_kind.get('rename') or by_kind.get('add')
        # a row may carry an id or a text that is as the vendor has it, if that spares a file
        wanted = self.wanted()
        for key in set(exported) - set(expected):
            number, (kind, name) = key
            person = wanted[number][1] if number in wanted else Belief()
            if exported[key] == (person.id if kind == 'id' else person.texts.get(name) if kind == 'text' else None):
                del exported[key]
        wrong = [key for key in set(expected) | set(exported) if not self.same(expected.get(key), exported.get(key))]
        rows = {number for file in files for number in file['profile_ids']}
        if rows != {row['profile_id'] for row in diff}:
            raise Failure('the files are about %s' % sorted(rows))
        if wrong:
            raise Failure('the files differ from the diff:\n' + '\n'.join(
                '%s: the diff has %r, the files %r' % (key, expected.get(key), exported.get(key))
                for key in sorted(wrong, key=str)))

    @staticmethod
    def same(a, b):
        """Cells are alike in any notation of yes and no."""
        return a == b or ((a, b) in (('yes', '1'), ('no', '0')))

    def export(self):
        """The files, after they were compared with the diff; [] if nothing is to be done."""
        rng = self.rng
        diff = self.to_export()
        arguments = "'trip'"
        if rng.random() < 0.3:
            arguments += ', rows_per_file => %d' % rng.choice((1, 2, 3, 7))
        if self.product == 'linkedin_learning' and rng.random() < 0.2:
            arguments += ", layout => 'legacy'"
        query = 'SELECT * FROM orgsync.export_csv(%s, %s)'
        planned = self.account.rows(query % (arguments, 'dry_run => true, override => true'))
        exported = self.account.run("SELECT count(*) FROM orgsync.export_csv(%s)" % arguments, {'55000'})
        if exported is None:
            self.count('exports held up')
            exported = self.account.run("SELECT count(*) FROM orgsync.export_csv(%s, override => true)" % arguments)
        if exported == '0':
            if diff:
                raise Failure('nothing is exported, but the diff has %s' % diff)
            return []
        files = self.account.rows('SELECT * FROM trip.export_files WHERE export_id ='
                                  ' (SELECT max(export_id) FROM trip.exports) ORDER BY seq')
        if [file['csv'] for file in planned] != [file['csv'] for file in files]:
            raise Failure('a dry run shows other files than are exported')
        if sorted(files, key=lambda file: file['file_name']) != files:
            raise Failure('the files\' names do not sort: %s' % [file['file_name'] for file in files])
        order = ['revoke', 'rename', 'update', 'add', 'manual']
        first = 0                   # what is to be revoked by hand is a list of its own, before all files
        while first < len(files) and files[first]['kind'] == 'manual' and all(
                self.vendor.classify(row['column_name'])[0] == 'license' and row['new_value'] == 'inactive'
                for row in csv.DictReader(io.StringIO(files[first]['csv'], newline=''))):
            first += 1
        if sorted(files[first:], key=lambda file: order.index(file['kind'])) != files[first:]:
            raise Failure('the files\' kinds are not in order: %s' % [file['kind'] for file in files])
        self.check_cells(diff, files)
        wanted = self.wanted() if self.product == 'workleap' else {}
        for file in files:
            file['groups'] = sorted({name for number in file['profile_ids'] if number in wanted
                                     for name in wanted[number][1].groups})
        self.count('exports')
        return files

    def do_lists(self, files, failed_before):
        """Does by hand what the lists say, all together; None if that was possible, or else what the vendor said."""
        rows = []
        for file in files:
            self.note('%s\n%s' % (file['file_name'], '\n'.join('--   ' + line for line in file['csv'].splitlines())))
            rows += [(row['primary_email_address'], row['column_name'], row['old_value'], row['new_value'] or None)
                     for row in csv.DictReader(io.StringIO(file['csv'], newline=''))]
        self.count('lists done by hand')
        try:
            deleted = self.vendor.do_by_hand(rows, keeps_former=self.rng.random() < 0.7)
            self.must_look |= any(person.id for person in deleted)
            return None
        except Refused as refusal:
            if self.agree and not failed_before:
                raise Failure('by hand: %s' % refusal)
            self.note('not done: %s' % refusal)
            upload = Upload()
            upload.critical = refusal
            return upload

    def upload(self, file, failed_before, **fault):
        """Uploads a file; what the vendor says."""
        self.note('%s: %s\n%s' % (file['file_name'], fault, '\n'.join('--   ' + line for line in file['csv'].splitlines())))
        if self.product == 'talent_insights':
            for row in self.account.rows('SELECT name FROM trip.groups'):
                self.vendor.create_group(row['name'])
        groups = ()
        if self.product == 'workleap':      # the groups are chosen for the whole file
            groups = file['groups']
            for name in groups:
                self.vendor.create_group(name)
        upload = self.vendor.upload(file['csv'], file['kind'] == 'add', groups=groups, **fault)
        self.returned.update(upload.found)
        self.count('files')
        if self.vendor.over_cap():
            raise Failure('after %s the vendor is over its seats: %s' % (file['file_name'], self.vendor.over_cap()))
        if upload.critical:
            self.note('critical: %s' % upload.critical)
        for number, _, refusal in upload.refused:
            self.note('row %d refused: %s' % (number, refusal))
            self.count('rows refused: ' + refusal.kind)
        honest = HONEST_REFUSALS | {'fault'}
        if self.agree and not failed_before and set(upload.kinds()) - honest:
            raise Failure('%s was refused: %s' % (file['file_name'], [str(refusal) for _, _, refusal in upload.refused]
                                                  or upload.critical))
        return upload

    def mend(self, upload):
        """What people do about the rows that the vendor refused for a reason."""
        deleted = False
        for _, record, refusal in upload.refused:
            row = dict(zip(upload.header, record))
            email = row.get('primary_email_address') or ''
            if refusal.kind == 'duplicate':
                self.account.run('UPDATE trip.profiles SET reupload_user_profile = true WHERE primary_email_address = %s'
                                 % literal(email))
            elif refusal.kind == 'permission_group':
                for row in self.account.rows('SELECT name FROM trip.groups'):
                    self.vendor.create_group(row['name'])
                for name in GROUPS:
                    self.vendor.create_group(name)
            elif refusal.kind in ('email_taken', 'id_taken'):
                known = set(self.believed()[0])
                for holder in (self.vendor.find(email), self.vendor.find_id(row.get('new_unique_user_id') or
                                                                            row.get('unique_user_id') or None)):
                    if holder is not None and holder.email.lower() not in known:
                        self.vendor.people.remove(holder)
                        self.note('%s is deleted at the vendor\'s' % holder.email)
                        deleted = True
        if deleted:
            self.look()

    def confirm(self, file, results=None, whole=False):
        arguments = "'trip', %d" % file['export_id']
        arguments += ', results => %s' % (literal(results) if results else 'NULL::text')
        if not whole:
            arguments += ', seq => %d' % file['seq']
        self.account.run('SELECT orgsync.confirm_export(%s)' % arguments)

    def deliver(self, files, scenario):
        """Uploads the files and confirms what came of it.  Returns whether all went well."""
        rng = self.rng
        one_by_one = scenario != 'clean' or rng.random() < 0.5
        broken = rng.randrange(len(files)) if scenario == 'break' else None
        uploads = []
        lists = {}                  # by the number of the first: they are done all together
        for number, file in enumerate(files):
            if file['kind'] == 'manual' and number > 0 and files[number - 1]['kind'] == 'manual':
                lists[max(lists)].append(file)
            elif file['kind'] == 'manual':
                lists[number] = [file]
        if broken is not None and files[broken]['kind'] == 'manual':
            broken = None
        for number, file in enumerate(files):
            failed = any(upload and upload.kinds() for upload in uploads)
            fault = {}
            if scenario == 'refuse':
                fault['refuse'] = {row for row in range(file['row_count']) if rng.random() < 0.3}
            if number == broken:
                fault['stop_after'] = rng.randrange(file['row_count'] + 1)
            upload = None
            if number in lists:
                upload = self.do_lists(lists[number], failed)
            elif file['kind'] == 'manual':
                upload = uploads[-1]
            else:
                upload = self.upload(file, failed, **fault)
            uploads.append(upload)
            if scenario in ('lose', 'doubt'):
                if number == len(files) - 1 or rng.random() < 0.3:
                    break
                continue
            if upload and upload.kinds() or number == broken:
                one_by_one = True
            if one_by_one:
                # what went well before, and then this one
                for earlier, result in zip(files[len(self.confirmed):], uploads[len(self.confirmed):]):
                    self.confirm_one(earlier, result)
            # later files name people by their new addresses, so whoever uploads stops at a rename that failed
            if number == broken or (upload and upload.kinds() and file['kind'] == 'rename'):
                return False
        if scenario in ('lose', 'doubt'):
            return False
        if not one_by_one:
            self.confirm(files[0], whole=True)
        for upload in uploads:
            if upload:
                self.mend(upload)
        return not any(upload and upload.kinds() for upload in uploads)

    def confirm_one(self, file, upload):
        self.confirmed.append(file['seq'])
        if upload is not None and upload.critical:
            return
        self.confirm(file, upload.results() if upload and (upload.refused or upload.unread) else None)

    def end_export(self, files, scenario):
        """An export that nobody confirmed is cancelled, or just superseded by the next one."""
        state = self.account.value('SELECT state FROM trip.exports WHERE export_id = %d' % files[0]['export_id'])
        if state == 'exported' and self.rng.random() < 0.5:
            self.account.run("SELECT orgsync.cancel_export('trip', %d)" % files[0]['export_id'])

    def look(self):
        """The vendor's own list of users tells what it has, whatever became of uploads."""
        self.account.run("SELECT state FROM orgsync.import_remote('trip', %s)" % literal(self.vendor.download()))
        self.agree, self.must_look = True, False
        self.count('lists of the vendor')
        self.compare('after the vendor\'s list')

    # Days ---------------------------------------------------------------------------

    def change_seats(self):
        header = self.account.license()
        license = self.vendor.licenses[header.lower()]
        seats = self.rng.randrange(4, 18)
        forced = self.rng.random() < 0.3
        if self.account.run("SELECT orgsync.set_seats('trip', %s, %d, %s)" % (literal(header), seats, literal(forced)),
                            {'23514', '55000'}) is None:
            return
        # the contract is lowered when nobody holds the seats any more
        taken = int(self.account.value('SELECT CASE counting WHEN \'invited\' THEN u.invited ELSE 0 END + u.activated'
                                       ' FROM trip.seat_usage u JOIN trip.licenses l USING (header) WHERE header = %s'
                                       % literal(header)))
        license.seats = max(seats, taken, self.vendor.taken(license))

    def activations(self):
        """People accept their invitations; sometimes the account is told."""
        for person in self.vendor.people:
            for license in self.vendor.licenses.values():
                if self.rng.random() < 0.05 and self.vendor.activate(person, license) and self.rng.random() < 0.5:
                    self.account.write("SELECT orgsync.activate('trip', %s, %s)"
                                       % (literal(person.email), literal(license.header)))

    def day(self):
        rng = self.rng
        for _ in range(rng.choice((1, 3, 6, 12, 25))):
            self.account.change()
        if rng.random() < 0.2:
            self.change_seats()
        self.activations()
        if not self.agree and rng.random() < 0.4 or rng.random() < 0.03:
            self.look()
        files = self.export()
        if not files:
            self.compare('nothing to export')
            return
        scenario = rng.choices(*zip(*SCENARIOS.items()))[0] if self.has_faults else 'clean'
        self.count('days: ' + scenario)
        self.note('the day is: ' + scenario)
        self.confirmed = []
        meanwhile = rng.random() < 0.3
        if meanwhile:
            for _ in range(rng.randrange(1, 5)):
                self.account.change()
        if scenario == 'never':
            self.end_export(files, scenario)
            self.compare('after an export that was not uploaded')
            return
        well = self.deliver(files, scenario)
        if self.must_look:
            self.look()
            well = False            # of who came back, the list may tell what nobody here knew
        if scenario == 'lose':
            # what became of the files is not known, and nothing is confirmed
            self.agree = False
            self.end_export(files, scenario)
            return
        if scenario == 'doubt':
            # the same, but somebody looks
            self.agree = False
            self.end_export(files, scenario)
            self.look()
            return
        if not well:
            self.end_export(files, scenario)        # unless all of it was confirmed
        self.compare('after the confirmation')
        if well and not meanwhile and self.agree:
            self.count('days that end well')
            left = self.to_export()
            if left:
                raise Failure('everything was taken, but the diff has %s' % left)
            for license in self.vendor.licenses.values():
                seats = self.account.value('SELECT total FROM trip.seat_usage WHERE header = %s' % literal(license.header))
                license.seats = max(int(seats), self.vendor.taken(license))
            self.account.log.clear()


def run(product, seed, days, has_faults, log_path):
    session = Session()
    session.run('CREATE EXTENSION IF NOT EXISTS orgsync')
    trip = Trip(session, product, seed, has_faults)
    for day in range(1, days + 1):
        try:
            trip.day()
        except Failure as failure:
            print('FAILED: %s, seed %d, day %d\n%s' % (product, seed, day, failure))
            log = '\n'.join(trip.account.log)
            if log_path:
                with open(log_path, 'w') as file:
                    file.write(log + '\n')
            else:
                print('since account and vendor agreed the last time:\n' + log)
            return False
    session.run('DROP SCHEMA trip CASCADE')
    session.close()
    print('%s, seed %d: %d days, %d statements, %s' % (
        product, seed, days, trip.account.statements,
        ', '.join('%s %d' % item for item in sorted(trip.counts.items()))))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--days', type=int, default=40, help='of each product and seed')
    parser.add_argument('--seed', type=int, nargs='+', default=[1])
    parser.add_argument('--product', nargs='+', choices=sorted(LICENSES), default=sorted(LICENSES))
    parser.add_argument('--calm', action='store_true', help='no upload fails')
    parser.add_argument('--log', help='where the log of a failure goes')
    arguments = parser.parse_args()
    results = [run(product, seed, arguments.days, not arguments.calm, arguments.log)
               for seed, product in itertools.product(arguments.seed, arguments.product)]
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
