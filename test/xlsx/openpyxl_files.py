#!/usr/bin/env python3
"""openpyxl_files.py: the other side of the workbooks' round trip, played by openpyxl.

	write FILE SEED		writes a workbook with values of all types, and prints the rows
						that are to be read from it, as JSON
	check FILE			reads a workbook: all cells must be text.  Prints its rows
"""

import datetime
import decimal
import json
import random
import sys

import openpyxl

WORDS = ['plain', ' blank ', 'Zoë', '東京', '😀 smile', 'two\nlines', 'a\ttab', '"quoted"', "it's", 'a,b;c|d', '=1+1', '+49', '@x',
	'00123', '1e5', 'TRUE', '<b>&amp;</b>', '_x0041', 'x' * 300, '#N/A?', '2026-01-31', "'apostrophe"]


def number(generator):
	kind = generator.randrange(4)
	if kind == 0:
		value = generator.randrange(-10 ** 9, 10 ** 9)
		return value, str(value)
	if kind == 1:
		value = generator.randrange(-10 ** 8, 10 ** 8) / 10 ** generator.randrange(1, 6)
	elif kind == 2:
		value = float(generator.randrange(1, 1000)) * 10.0 ** generator.randrange(-8, 20)
	else:
		value = generator.random()
	# openpyxl writes 16 digits
	text = format(decimal.Decimal(format(float('%.16g' % value), '.15g')), 'f')
	return value, text.rstrip('0').rstrip('.') if '.' in text else text


def value(generator):
	"""A value, and the text that a person would call it."""
	kind = generator.randrange(7)
	if kind <= 1:
		word = generator.choice(WORDS)
		return word, word
	if kind == 2:
		return number(generator)
	if kind == 3:
		truth = generator.random() < 0.5
		return truth, str(truth).upper()
	day = datetime.date(1900, 3, 1) + datetime.timedelta(generator.randrange(100000))
	if kind == 4:
		return day, day.isoformat()
	moment = datetime.datetime(day.year, day.month, day.day, generator.randrange(24), generator.randrange(60), generator.randrange(60))
	if kind == 5:
		return moment, str(moment) if moment.time() != datetime.time() else day.isoformat()
	return moment.time(), moment.time().isoformat()


def write(path, seed):
	generator = random.Random(seed)
	book = openpyxl.Workbook()
	rows = []
	row = 0
	for _ in range(300):
		row += generator.choice((1, 1, 1, 2, 5))
		fields = []
		for column in range(1, generator.randrange(2, 12)):
			text = ''
			if generator.random() < 0.8:
				given, text = value(generator)
				cell = book.active.cell(row, column, given)
				if isinstance(given, str):
					cell.data_type = 's'
			fields.append(text)
		while fields and fields[-1] == '':
			fields.pop()
		if fields:
			rows.append([row, fields])
	book.save(path)
	print(json.dumps(rows, ensure_ascii=False))


def check(path):
	book = openpyxl.load_workbook(path)
	rows = []
	for row in book.active.iter_rows():
		for cell in row:
			if cell.value is not None:
				assert isinstance(cell.value, str) and cell.data_type in ('s', 'inlineStr'), (cell, cell.data_type)
				assert cell.number_format == '@', (cell, cell.number_format)
		rows.append([cell.value or '' for cell in row])
	print(json.dumps(rows, ensure_ascii=False))


if sys.argv[1] == 'write':
	write(sys.argv[2], int(sys.argv[3]))
else:
	check(sys.argv[2])
