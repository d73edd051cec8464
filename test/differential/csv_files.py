#!/usr/bin/env python3
"""Writes random, well-formed CSV files, and what Python's csv module reads in them.

usage: csv_files.py DIRECTORY COUNT [SEED]

Each file has its own delimiter, line end, encoding, number of columns and habit of
quoting; cells hold whatever needs quotes and whatever does not.  DIRECTORY/manifest
gets a line of JSON for each: path, delimiter, encoding, columns, records.
"""
import csv
import io
import json
import os
import random
import re
import sys

ENCODINGS = [('utf-8', 'utf-8'), ('utf-8', 'utf-8-sig'), ('cp1252', 'cp1252'),
             ('utf-16', 'utf-16-le'), ('utf-16', 'utf-16-be')]
MARKS = {'utf-16-le': b'\xff\xfe', 'utf-16-be': b'\xfe\xff'}
PIECES = ['a', 'B', '7', ' ', '  ', '"', '""', '\t', ',', ';', '|', '\n', '\r', '\r\n', "'", '\\', '\\.', '=',
          '\u00e9', '\u20ac', '\u2019', '\u00a0', 'null', 'NULL', '#', 'x' * 60]
WIDE = ['\u4e2d', '\U0001f600', '\u200b', '\u0301', '\ufeff']


def cell(pick, encoding):
    pieces = PIECES if encoding == 'cp1252' else PIECES + WIDE
    return ''.join(pick.choice(pieces) for _ in range(pick.choice([0, 0, 1, 1, 2, 3, 5, 9, 40])))


def written(pick, value, delimiter, habit):
    """The cell as a file has it: quoted where it must be, or more often."""
    must = any(c in value for c in (delimiter, '"', '\n', '\r'))
    if must or habit == 'all' or (habit == 'some' and pick.random() < 0.3):
        return '"' + value.replace('"', '""') + '"'
    return value


def make(pick):
    name, encoding = pick.choice(ENCODINGS)
    delimiter = pick.choice(',;\t|')
    line_end = pick.choice(['\n', '\r\n', '\r'])
    habit = pick.choice(['needed', 'some', 'all'])
    columns = pick.choice([1, 2, 3, 5, 20])
    lines = []
    for _ in range(pick.choice([1, 2, 10, 40])):
        cells = [cell(pick, encoding) for _ in range(columns)]
        line = delimiter.join(written(pick, value, delimiter, habit) for value in cells)
        # an empty line is no record, and a line of backslash and dot the end to COPY
        if line and '\\.' not in re.split('[\r\n]', line):
            lines.append(line)
    # no byte order mark in disguise, and at least a character that tells the encoding
    lines.insert(0, delimiter.join(['h\u00e9' if encoding == 'cp1252' else 'h'] * columns))
    text = line_end.join(lines) + pick.choice(['', line_end])
    data = MARKS.get(encoding, b'') + text.encode(encoding)
    return data, text, name, delimiter, columns


def main():
    directory, count = sys.argv[1], int(sys.argv[2])
    pick = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    with open(os.path.join(directory, 'manifest'), 'w', encoding='ascii') as manifest:
        for number in range(count):
            data, text, encoding, delimiter, columns = make(pick)
            path = os.path.join(directory, f'{number}.csv')
            with open(path, 'wb') as file:
                file.write(data)
            with io.StringIO(text, newline='') as stream:
                records = list(csv.reader(stream, delimiter=delimiter, strict=True))
            print(json.dumps({'path': path, 'delimiter': delimiter, 'encoding': encoding,
                              'columns': columns, 'records': records}), file=manifest)


if __name__ == '__main__':
    main()
