"""The vendors, simulated: accounts that take org-sync files.

Written from the vendors' documents alone and sharing nothing with src/, so that
what orgsync exports can be tried on somebody who does not think like it:

  LinkedIn Learning   "Adding Learner Data", "Adding and Managing Learners via
                      Bulk CSV", "Unassign learner licenses"
  Talent Insights     "Manage Your Talent Insights Licenses in Account Center"
  Workleap LMS        "User import"

Where the documents leave room, the simulation is strict: a header that it does
not know, an empty cell where a value is asked for, a record with a field too
many are all refused.  A file is judged by its final state, so two rows may swap
addresses; within that, rows are applied in their order.  Of a row that is refused
nothing is applied, its address and id neither.

The vendor never deletes anybody and never takes anything back of itself.
"""

import copy
import csv
import io
import re

PERMISSIONS = (
    'permission_create_other_sub_admins_with_same_permissions', 'permission_manage_custom_content',
    'permission_curate_content', 'permission_manage_it_settings')
GROUP_PERMISSIONS = (
    'group_permission_edit_groups', 'group_permission_manage_users_licenses',
    'group_permission_recommend_content', 'group_permission_view_reports')
TEXTS = {'preferred_first_name': 'first', 'preferred_last_name': 'last', 'work_title': 'title'}
WORKLEAP_TEXTS = ('Name', 'Country', 'Region', 'Language', 'Title')
GROUP_PREFIXES = {'linkedin_learning': ('group:', 'group/'), 'talent_insights': ('group:',)}
YES = {'yes': True, 'no': False, '1': True, '0': False, 'true': True, 'false': False}

DUPLICATE = ('Duplicate Profile Error: The email address you entered is similar to an existing email, This may '
             'create a duplicate profile which can result in activation issues.')


class Refused(Exception):
    """What the vendor says of a row, or of a file; kind is for the tests."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class License:
    def __init__(self, header, seats, counting):
        self.header = header
        self.seats = seats
        self.counting = counting


class Person:
    def __init__(self, email):
        self.email = email
        self.id = None
        self.texts = {}            # header -> text, attributes too
        self.licenses = {}         # lower header -> 'unassigned', 'invited', 'activated'
        self.groups = set()        # folded names
        self.permissions = {}      # name -> True, or a frozenset of folded names


class Upload:
    """What became of an upload: applied, and refused with reasons."""

    def __init__(self):
        self.header = []
        self.critical = None       # a Refused: nothing of the file was applied
        self.refused = []          # (row number from 0, record, Refused)
        self.unread = []           # (row number, record): the vendor broke off before them
        self.found = []            # people who were there although a file of new people named them

    def kinds(self):
        return [self.critical.kind] if self.critical else [refusal.kind for _, _, refusal in self.refused]

    def results(self):
        """The results file that the vendor offers: the rows that failed, with the column Messages."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\r\n')
        writer.writerow(self.header + ['Messages'])
        failed = [(number, record, str(refusal)) for number, record, refusal in self.refused]
        failed += [(number, record, 'Not processed, please try again') for number, record in self.unread]
        for _, record, message in sorted(failed, key=lambda row: row[0]):
            writer.writerow(record + [message])
        return text.getvalue()


def canonical(email):
    """An address without what is often no difference: case, dots and tags."""
    local, _, domain = email.lower().rpartition('@')
    return local.split('+')[0].replace('.', '') + '@' + domain


def permission_scope(cell):
    """yes, no, or groups: "group:a b group:c"."""
    if cell.lower() in ('yes', 'no'):
        return cell.lower() == 'yes'
    names = [' '.join(name.replace(';', ' ').split())
             for name in re.split(r'(?:^|(?<=[\s;]))group:', cell, flags=re.I)[1:]]
    if not names or not all(names):
        raise Refused('permission', 'Invalid permission: ' + cell)
    return frozenset(name.casefold() for name in names)


class Vendor:
    def __init__(self, product):
        self.product = product
        self.people = []
        self.groups = {}           # folded name -> name
        self.licenses = {}         # lower header -> License

    # What an admin does by hand ------------------------------------------------

    def add_license(self, header, seats, counting):
        self.licenses[header.lower()] = License(header, seats, counting)

    def create_group(self, name):
        self.groups.setdefault(name.casefold(), name)

    def find(self, email):
        for person in self.people:
            if person.email.lower() == email.lower():
                return person
        return None

    def find_id(self, unique_user_id):
        for person in self.people:
            if person.id == unique_user_id:
                return person
        return None

    def taken(self, license):
        states = ('invited', 'activated') if license.counting == 'invited' else ('activated',)
        return sum(person.licenses.get(license.header.lower()) in states for person in self.people)

    def over_cap(self):
        return [license.header for license in self.licenses.values()
                if license.seats is not None and self.taken(license) > license.seats]

    def activate(self, person, license):
        """The person accepts the invitation, if there is a seat."""
        key = license.header.lower()
        if person.licenses.get(key) != 'invited':
            return False
        if license.counting == 'activated' and license.seats is not None and self.taken(license) >= license.seats:
            return False
        person.licenses[key] = 'activated'
        return True

    def do_by_hand(self, rows, keeps_former):
        """A list for a person to do: address, column, what the cell has and what it shall have, None clears it.
        Lines in which somebody gets an address begin what the list says of him.  The list is looked at as a whole:
        addresses may be passed on within it; whoever else has one, left the company and is deleted, or with
        keeps_former gets another address.  Returns those who were deleted; a list that cannot be done is left."""
        before = self.contents()
        try:
            return self.do_tasks(rows, keeps_former)
        except Refused:
            self.restore(before)
            raise

    def do_tasks(self, rows, keeps_former):
        tasks = []
        deleted = []
        for email, column, old_value, value in rows:
            if not tasks or column == 'primary_email_address' or column == 'Email' or tasks[-1][0] != email:
                is_new = self.classify(column)[0] == 'email' and not old_value
                by_id = re.match('unknown, of unique_user_id (.*)', email) or re.match(
                    'unknown, of unique_user_id (.*)', old_value or '')
                tasks.append((email, None if is_new else self.find_id(by_id[1]) if by_id else self.find(email), is_new, []))
                if not is_new and tasks[-1][1] is None:
                    raise Refused('unknown_profile', 'There is no %s' % email)
            tasks[-1][3].append((self.classify(column), value))

        renamed = {id(person) for _, person, _, cells in tasks if any(kind == 'email' for (kind, _), _ in cells)}
        for _, _, _, cells in tasks:
            for (kind, _), value in cells:
                holder = self.find(value) if kind == 'email' else None
                if holder is None or id(holder) in renamed:
                    continue
                if keeps_former and holder.id and not self.has_anything(holder):
                    holder.email = 'former.%s@example.net' % holder.id.lower()
                    continue
                self.people.remove(holder)
                deleted.append(holder)
        for email, person, is_new, cells in tasks:
            if is_new:
                person = Person(email)
                self.people.append(person)
            for (kind, name), value in cells:
                self.set_by_hand(person, kind, name, value)
        return deleted

    @staticmethod
    def has_anything(person):
        """A seat, a group or a permission."""
        return bool({'invited', 'activated'} & set(person.licenses.values()) or person.groups or person.permissions)

    def set_by_hand(self, person, kind, name, value):
        if kind == 'email':
            person.email = value
        elif kind == 'id':
            holder = self.find_id(value) if value else None
            if holder not in (None, person):
                holder.id = None
            person.id = value
        elif kind == 'text':
            person.texts.pop(name, None)
            if value:
                person.texts[name] = value
        elif kind == 'license':
            self.set_license(person, name, value)
        elif kind == 'group':
            self.create_group(name)
            self.set_group(person, name, YES[value])
        elif kind == 'permission':
            self.set_permission(person, name, value)
        else:
            raise Refused('header', 'Nobody knows what %s is' % kind)

    def download(self):
        """The vendor's own list of users: "Download all users"; of Workleap's, what its screens show."""
        texts = sorted({name for person in self.people for name in person.texts})
        if self.product == 'workleap':
            texts = list(WORKLEAP_TEXTS)
        groups = sorted(self.groups)
        permissions = PERMISSIONS + GROUP_PERMISSIONS if self.product == 'linkedin_learning' else ()
        yes, no = ('1', '0') if self.product == 'talent_insights' else ('yes', 'no')
        text = io.StringIO()
        writer = csv.writer(text)
        email = 'Email' if self.product == 'workleap' else 'primary_email_address'
        writer.writerow([email] + (['unique_user_id'] if permissions else []) + texts
                        + [license.header for license in self.licenses.values()]
                        + ['group: ' + self.groups[name] for name in groups] + list(permissions))
        for person in self.people:
            scopes = [person.permissions.get(name, False) for name in permissions]
            writer.writerow(
                [person.email] + ([person.id or ''] if permissions else [])
                + [person.texts.get(name, '') for name in texts]
                + [person.licenses.get(name, 'unassigned').capitalize() for name in self.licenses]
                + [yes if name in person.groups else no for name in groups]
                + [' '.join('group:' + self.groups[name] for name in sorted(scope)) if isinstance(scope, frozenset)
                   else 'yes' if scope else 'no' for scope in scopes])
        return text.getvalue()

    # Uploads -------------------------------------------------------------------

    def classify(self, header):
        """What a column is: (kind, name).  Names are case sensitive."""
        if self.product == 'workleap':
            if header == 'Email':
                return 'email', None
            if header in WORKLEAP_TEXTS:
                return 'text', header
            if header == 'active_students':
                return 'license', header
            if header.startswith('group:'):
                return 'group', header[6:].strip()
            raise Refused('header', 'Unknown column: %s' % header)

        learning = self.product == 'linkedin_learning'
        if header == 'primary_email_address':
            return 'email', None
        if header == 'existing_email_address':
            return 'existing', None
        if header == 'reupload_user_profile':
            return 'reupload', None
        if header in TEXTS or (learning and re.fullmatch(r'attribute_\S+', header)):
            return 'text', header
        if learning and header == 'unique_user_id':
            return 'id', None
        if learning and header == 'new_unique_user_id':
            return 'new_id', None
        if learning and header in PERMISSIONS + GROUP_PERMISSIONS:
            return 'permission', header
        for prefix in GROUP_PREFIXES[self.product]:
            if header.startswith(prefix) and header[len(prefix):].strip():
                return 'group', header[len(prefix):].strip()
        license = self.licenses.get(header.lower())
        if license is not None and license.header == header:
            return 'license', header
        raise Refused('header', 'Unknown column: %s' % header)

    def read(self, data):
        """The header, its meaning, and the records; a file that cannot be read is refused."""
        try:
            text = data.decode('utf-8')
            records = list(csv.reader(io.StringIO(text, newline=''), strict=True))
        except (UnicodeDecodeError, csv.Error) as fault:
            raise Refused('malformed', 'The file cannot be read: %s' % fault)
        if len(records) < 2:
            raise Refused('empty', 'The file is empty')
        if len(re.findall('\r\n', text)) != len(records):
            raise Refused('malformed', 'Lines must end in CR LF')
        header, records = records[0], records[1:]
        columns = [self.classify(name) for name in header]
        folded = [(kind, (name or '').casefold()) for kind, name in columns]
        if len(set(folded)) < len(folded):
            raise Refused('header', 'A column is there twice')
        if not {'email', 'id'} & {kind for kind, _ in columns}:
            raise Refused('header', 'No column says whom a row is about')
        if 'new_id' in dict(columns) and 'id' not in dict(columns):
            raise Refused('header', 'new_unique_user_id needs unique_user_id')
        for record in records:
            if len(record) != len(header):
                raise Refused('malformed', 'A record has %d fields: %s' % (len(record), record))
        return header, columns, records

    def upload(self, csv_text, is_of_new_people=False, refuse=(), stop_after=None, groups=()):
        """Applies a file.  refuse: numbers of rows that fail for no reason of theirs; stop_after: so many rows
        are read, then the vendor breaks off; groups (Workleap): all of the file join them."""
        upload = Upload()
        try:
            upload.header, columns, records = self.read(csv_text.encode('utf-8'))
            if self.product == 'workleap':
                if refuse or stop_after is not None:
                    raise Refused('fault', 'The import failed, please try again')
                self.upload_workleap(columns, records, groups)
            else:
                self.check_columns(columns, records)
                self.upload_linkedin(upload, columns, records, set(refuse), stop_after, is_of_new_people)
        except Refused as refusal:
            upload.critical = refusal
        return upload

    def check_columns(self, columns, records):
        """Faults of the file as a whole."""
        kinds = {kind for kind, _ in columns}
        if self.product == 'talent_insights':
            for kind, name in columns:
                if kind == 'group' and name.casefold() not in self.groups:
                    raise Refused('group', 'There is no group %s; create it first' % name)
        statuses = {record[i].lower() for record in records for i, (kind, _) in enumerate(columns) if kind == 'license'}
        if 'group' in kinds and statuses - {''} == {'inactive'}:
            raise Refused('group_column', 'EIS_UPLOAD_ROW_GROUP_ITEM_VALIDATION_ERROR in column groups')

    def upload_linkedin(self, upload, columns, records, refuse, stop_after, is_of_new_people):
        rows = []
        for number, record in enumerate(records):
            if stop_after is not None and number >= stop_after:
                upload.unread.append((number, record))
                continue
            row = Row(number, record, columns)
            try:
                if number in refuse:
                    raise Refused('fault', 'Internal error, please try again')
                row.check()
                self.resolve(row)
                rows.append(row)
            except Refused as refusal:
                upload.refused.append((number, record, refusal))
        # whoever is refused a seat keeps his old address, which others may have been waiting for
        before = self.contents()
        while True:
            rows = self.settle(rows, upload)
            refused = self.apply_all(rows, upload.found if is_of_new_people else [])
            if not refused:
                break
            self.restore(before)
            upload.refused += refused
            numbers = {number for number, _, _ in refused}
            rows = [row for row in rows if row.number not in numbers]

    def contents(self):
        """All that an upload may change."""
        return [(person, copy.deepcopy(vars(person))) for person in self.people], dict(self.groups)

    def restore(self, contents):
        people, groups = contents
        self.people, self.groups = [person for person, _ in people], dict(groups)
        for person, values in people:
            vars(person).update(copy.deepcopy(values))

    def apply_all(self, rows, found):
        """Applies the rows together; returns those that are refused, in which case the others are not right
        either.  found gets the people who were there."""
        people = [row.person or Person(row.email) for row in rows]
        for row, person in zip(rows, people):
            person.email, person.id = row.final_email, row.final_id
            if row.person is None:
                self.people.append(person)
            for name in row.groups_joined():
                self.create_group(name)
        refused = []
        for row, person in zip(rows, people):
            try:
                self.apply(row, person)
            except Refused as refusal:
                refused.append((row.number, row.record, refusal))
        if not refused:
            found += [row.person for row in rows if row.person]
        return refused

    def resolve(self, row):
        """Which profile the row is about (None: a new one), and what it is called afterwards."""
        person = None
        if row.existing:
            person = self.find(row.existing)
            if person is None:
                raise Refused('unknown_profile', 'There is no %s' % row.existing)
        elif row.id:
            person = self.find_id(row.id)
            if person is None and row.email:
                person = self.find(row.email)
                if person is not None and person.id:
                    raise Refused('email_taken', '%s has another id' % row.email)
        else:
            person = self.find(row.email)
        if person is None and not row.email:
            raise Refused('email', 'The row has no address, and nobody has its id')
        row.person = person
        row.final_email = row.email or person.email
        row.final_id = row.new_id or row.id or (person.id if person else None)

    def settle(self, rows, upload):
        """Takes rows out until nobody's address or id would be somebody else's."""
        while True:
            row, refusal = self.find_clash(rows)
            if row is None:
                return rows
            upload.refused.append((row.number, row.record, refusal))
            rows = [other for other in rows if other is not row]

    def find_clash(self, rows):
        concerned = {id(row.person) for row in rows if row.person}
        others = [person for person in self.people if id(person) not in concerned]
        emails = {person.email.lower(): person for person in others}
        ids = {person.id: person for person in others if person.id}
        canonicals = {}
        for person in others:
            canonicals.setdefault(canonical(person.email), []).append((person.id, self.name(person.texts)))
        met = set()
        for row in rows:
            if row.person is not None and id(row.person) in met:
                return row, Refused('duplicate_row', 'The file names %s twice' % row.final_email)
            met.add(id(row.person))
            if row.final_email.lower() in emails:
                return row, Refused('email_taken', '%s is somebody else\'s' % row.final_email)
            if row.final_id and row.final_id in ids:
                return row, Refused('id_taken', '%s is somebody else\'s' % row.final_id)
            key = canonical(row.final_email)
            name = self.name({**(row.person.texts if row.person else {}), **row.texts})
            if not row.reupload and (row.person is None or canonical(row.person.email) != key):
                for other_id, other_name in canonicals.get(key, ()):
                    are_two = (row.final_id and other_id and row.final_id != other_id and name and other_name
                               and name != other_name)
                    if not are_two:
                        return row, Refused('duplicate', DUPLICATE)
            emails[row.final_email.lower()] = row
            ids[row.final_id] = row
            canonicals.setdefault(key, []).append((row.final_id, name))
        return None, None

    @staticmethod
    def name(texts):
        """First and last name as a set, since their order does not matter; None if either is not known."""
        names = [texts.get('preferred_first_name'), texts.get('preferred_last_name')]
        return frozenset(''.join(name.casefold().split()) for name in names) if all(names) else None

    def apply(self, row, person):
        """Everything but who the person is and what he is called; all of that or nothing."""
        before = dict(person.licenses), dict(person.permissions)
        try:
            for license, status in row.licenses:
                self.set_license(person, license, status.lower())
            for permission, cell in row.permissions:
                self.set_permission(person, permission, cell)
        except Refused:
            person.licenses, person.permissions = before
            raise
        person.texts.update(row.texts)
        for name, cell in row.groups:
            self.set_group(person, name, YES[cell.lower()])

    def set_license(self, person, header, status):
        """The state machine: active invites whoever has no seat, inactive unassigns."""
        license = self.licenses[header.lower()]
        key = header.lower()
        if status == 'inactive':
            person.licenses[key] = 'unassigned'
        elif person.licenses.get(key, 'unassigned') == 'unassigned':
            if license.counting == 'invited' and license.seats is not None and self.taken(license) >= license.seats:
                raise Refused('cap', 'No license of %s is available' % header)
            person.licenses[key] = 'invited'

    def set_group(self, person, name, is_member):
        if name.casefold() not in self.groups:
            if is_member:
                raise Refused('group', 'There is no group %s' % name)
            return
        (person.groups.add if is_member else person.groups.discard)(name.casefold())

    def set_permission(self, person, permission, cell):
        scope = permission_scope(cell)
        if isinstance(scope, frozenset):
            if permission in PERMISSIONS:
                raise Refused('permission', '%s cannot be limited to groups' % permission)
            missing = sorted(name for name in scope if name not in self.groups)
            if missing:
                raise Refused('permission_group', 'There is no group %s' % ', '.join(missing))
        person.permissions.pop(permission, None)
        if scope:
            person.permissions[permission] = scope

    def upload_workleap(self, columns, records, groups):
        """All or nothing: "If the import fails, no users will be imported"."""
        names = [name or kind for kind, name in columns]
        people = []
        if any(kind in ('group', 'license') for kind, _ in columns):
            raise Refused('header', 'Unknown column: the template has no groups and no licenses')
        for name in groups:
            if name.casefold() not in self.groups:
                raise Refused('group', 'There is no group %s' % name)
        for record in records:
            row = dict(zip(names, record))
            if any(re.match(r'[=+\-@\t]', cell) for cell in record):
                raise Refused('formula', 'A cell is a formula: %s' % record)
            for mandatory in ('Name', 'email', 'Country', 'Region'):
                if not row.get(mandatory):
                    raise Refused('empty_cell', '%s is mandatory: %s' % (mandatory, record))
            if not re.fullmatch('[A-Z]{2}', row['Country']) or not row['Region'].startswith(row['Country'] + '-'):
                raise Refused('location', 'No such location: %s' % record)
            if any(person.email.lower() == row['email'].lower() for person in people):
                raise Refused('duplicate_row', 'The file names %s twice' % row['email'])
            person = Person(row['email'])
            person.texts = {name: row[name] for name in WORKLEAP_TEXTS if row.get(name)}
            person.licenses = {name: 'activated' for name in self.licenses}
            people.append(person)
        new = [person for person in people if self.find(person.email) is None]
        for license in self.licenses.values():
            if license.seats is not None and self.taken(license) + len(new) > license.seats:
                raise Refused('cap', 'The subscription has %d active students' % license.seats)
        self.people.extend(new)
        for person in people:
            self.find(person.email).groups.update(name.casefold() for name in groups)


class Row:
    """A record, its cells sorted by what they are."""

    def __init__(self, number, record, columns):
        self.number = number
        self.record = record
        self.person = None
        self.final_email = self.final_id = None
        self.email = self.existing = self.id = self.new_id = ''
        self.reupload = False
        self.texts = {}
        self.licenses, self.groups, self.permissions = [], [], []
        self.empty = []
        for (kind, name), cell in zip(columns, record):
            if kind in ('email', 'existing', 'id', 'new_id'):
                setattr(self, kind, cell)
            elif kind == 'reupload':
                self.reupload = cell.lower() in ('true', 'yes', '1')
            elif kind == 'text':
                self.texts[name] = cell
            elif cell:
                getattr(self, kind + 's').append((name, cell))
            if not cell and kind in ('email', 'existing', 'id', 'new_id', 'text'):
                self.empty.append(name or kind)

    def check(self):
        if self.empty:
            raise Refused('empty_cell', 'There must be a value for %s' % ', '.join(self.empty))
        for email in (self.email, self.existing):
            if email and not re.fullmatch(r'[^@\s]{1,64}@[^@\s]+\.[^@\s]+', email):
                raise Refused('email', 'No address: %s' % email)
        for unique_user_id in (self.id, self.new_id):
            if not re.fullmatch('[A-Za-z0-9]*', unique_user_id):
                raise Refused('id', 'Letters and digits only: %s' % unique_user_id)
        for _, cell in self.licenses:
            if cell.lower() not in ('active', 'inactive'):
                raise Refused('status', 'Neither active nor inactive: %s' % cell)
        for _, cell in self.groups:
            if cell.lower() not in YES:
                raise Refused('group_value', 'Neither yes nor no: %s' % cell)
        for _, cell in self.permissions:
            permission_scope(cell)

    def groups_joined(self):
        return [name for name, cell in self.groups if YES[cell.lower()]]
