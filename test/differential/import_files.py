#!/usr/bin/env python3
"""Writes random org-sync files, most of them with faults, as people and programs break them.

usage: import_files.py DIRECTORY COUNT [SEED]

The files are DIRECTORY/0.csv and so on: each with columns, delimiter, line end and encoding
of its own, cells that contradict each other, and some with bytes changed, cut out or put in.
"""
import gzip
import os
import random
import sys

COLUMNS = ['unique_user_id', 'new_unique_user_id', 'existing_email_address', 'preferred_first_name',
           'preferred_last_name', 'work_title', 'Some_license_a_b_status', 'Other_license_c_d_status',
           'group:One', 'group:Two', 'reupload_user_profile', 'attribute_Room', 'a b', '', 'user_permission_manage']
ODD_CELLS = ['=1+1', '@x', '"open', 'a "b" c', '"q""q"', '"t" tail', 'x\0y', '\t', ' ', 'x' * 300, 'x' * 20000,
             '"two\nlines"', '"a\r\nb"', '\u03a9\u200b', '\U0001f600', '\u00e9', '"', '"a,b"']
# a file that has these is not read to its end
FATAL_CELLS = ['"open', '"t" tail', 'x\0y', '"']
ODD_BYTES = [b'"', b'\xe9', b'\xff', b'\0', b'\n\n', b',,,', b'"\n"', b'\xed\xa0\x80']
ENCODINGS = ['utf-8'] * 5 + ['utf-8-sig', 'utf-16', 'cp1252']


def cell(pick, column, number, odd_cells):
    """What the column says of a person, mostly as it should."""
    other = pick.choice([number] * 6 + [max(number - 1, 0), pick.randrange(1 + number)])
    if pick.random() < 0.02:
        return pick.choice(odd_cells)
    if column == 'primary_email_address':
        return pick.choice(['p{}@example.com'] * 3 + ['P{}@example.net', 'q{}@example.org', '']).format(other)
    if column.endswith('unique_user_id'):
        return pick.choice([f'E{other}', f'E{other}', '', '-'])
    if column == 'existing_email_address':
        return pick.choice(['', '', '', f'p{other}@example.com'])
    if column.endswith('_name'):
        return pick.choice(['Ann', 'Bob', 'Zo\u00eb', '', f'Name {number % 50}'])
    if column.endswith('_status'):
        return pick.choice(['active', 'inactive', '', 'active', 'inactive', '', 'ACTIVE', 'aktiv'])
    if column.startswith('group:'):
        return pick.choice(['yes', 'no', ''] * 5 + ['1', 'ja'])
    if column == 'reupload_user_profile':
        return pick.choice([''] * 8 + ['true', 'x'])
    return pick.choice(['', 'Clerk', '"Head, of"', '"Head ""of"""', f'v{number % 30}'])


def broken(pick, data):
    """The file with a few bytes that are otherwise."""
    data = bytearray(data)
    for _ in range(pick.choice([1, 1, 3])):
        place = pick.randrange(len(data))
        way = pick.randrange(3)
        if way == 0:
            data[place] = pick.choice(b'\0"\x80\xff\xc3\n\r,')
        elif way == 1:
            data[place:place] = pick.choice(ODD_BYTES)
        else:
            del data[place:place + pick.choice([1, 5, 500])]
    return bytes(data)


def make(pick):
    """The bytes of a file."""
    columns = ['primary_email_address'] + pick.sample(COLUMNS, pick.randrange(2, 10))
    delimiter = pick.choice(',,;\t')
    odd_cells = ODD_CELLS if pick.random() < 0.2 else [value for value in ODD_CELLS if value not in FATAL_CELLS]
    lines = [delimiter.join(columns)]
    for number in range(pick.choice([1, 100, 400])):
        cells = [cell(pick, column, number, odd_cells) for column in columns]
        cells = [f'"{value}"' if delimiter in value and value[0] != '"' else value for value in cells]
        if pick.random() < 0.005:
            cells.append('more')
        lines.append(delimiter.join(cells) + ('\n' if pick.random() < 0.005 else ''))
    text = pick.choice(['\n', '\n', '\r\n', '\r']).join(lines) + pick.choice(['', '\n'])
    data = text.encode(pick.choice(ENCODINGS), 'replace')
    way = pick.random()
    if way < 0.15:
        return broken(pick, data)
    if way < 0.2:
        return data[:pick.randrange(len(data))]
    return gzip.compress(data) if way < 0.22 else data


def main():
    directory, count = sys.argv[1], int(sys.argv[2])
    pick = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    for number in range(count):
        with open(os.path.join(directory, f'{number}.csv'), 'wb') as file:
            file.write(make(pick))


if __name__ == '__main__':
    main()
