#!/usr/bin/env python3
"""office.py: workbooks from LibreOffice and for it ("make xlsx-check").

A template of ours is opened there, people are entered (text, dates, numbers, a formula),
it is saved as .xlsx and imported.  What is exported is opened there, and every cell
must be text, and what it was.
"""

import base64
import csv
import io
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

TABLE = '{urn:oasis:names:tc:opendocument:xmlns:table:1.0}'
OFFICE = '{urn:oasis:names:tc:opendocument:xmlns:office:1.0}'
TEXT = '{urn:oasis:names:tc:opendocument:xmlns:text:1.0}'

# What the menu Format calls 1999-12-31 and 1999-12-31 13:37:46.
STYLES = '<styles xmlns:number="urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0"' \
	' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0">%s</styles>' % ''.join(
		'<number:date-style style:name="N_%s">%s</number:date-style>'
		'<style:style style:name="%s" style:family="table-cell" style:data-style-name="N_%s"/>' % (name, parts, name, name)
		for name, parts in [
			('day', '<number:year number:style="long"/><number:text>-</number:text><number:month number:style="long"/>'
			 '<number:text>-</number:text><number:day number:style="long"/>'),
			('moment', '<number:year number:style="long"/><number:text>-</number:text><number:month number:style="long"/>'
			 '<number:text>-</number:text><number:day number:style="long"/><number:text> </number:text>'
			 '<number:hours number:style="long"/><number:text>:</number:text><number:minutes number:style="long"/>')])

failures = 0


def check(got, expected, what):
	global failures
	failures += got != expected
	print('%s - %s' % ('ok' if got == expected else 'not ok', what))
	if got != expected:
		print('# got %s\n# expected %s' % (got, expected))


def sql(statement):
	done = subprocess.run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1'], input=statement, stdout=subprocess.PIPE,
						  stderr=subprocess.PIPE, encoding='utf-8')
	if done.returncode != 0:
		sys.exit(done.stderr)
	return done.stdout.rstrip('\n')


def fetch(statement, path):
	with open(path, 'wb') as file:
		file.write(base64.b64decode(sql("SELECT encode((%s), 'base64')" % statement)))


def literal(path):
	with open(path, 'rb') as file:
		return "decode('%s', 'base64')" % base64.b64encode(file.read()).decode()


def convert(path, kind):
	"""Lets LibreOffice open a file and save it as another kind."""
	directory = os.path.dirname(path)
	subprocess.run(['soffice', '--headless', '-env:UserInstallation=file://%s/profile' % directory, '--convert-to', kind,
					'--outdir', directory, path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
	return os.path.splitext(path)[0] + '.' + kind.split(':')[0]


def cell(value):
	kind, value = value if isinstance(value, tuple) else ('string', value)
	if kind == 'string':
		element = xml.Element(TABLE + 'table-cell', {OFFICE + 'value-type': 'string'})
		xml.SubElement(element, TEXT + 'p').text = value
	elif kind == 'formula':
		element = xml.Element(TABLE + 'table-cell', {TABLE + 'formula': value[0], OFFICE + 'value-type': 'string'})
		xml.SubElement(element, TEXT + 'p').text = value[1]
	else:
		element = xml.Element(TABLE + 'table-cell', {OFFICE + 'value-type': kind,
			OFFICE + ('date-value' if kind == 'date' else 'value'): value})
		if kind == 'date':
			element.set(TABLE + 'style-name', 'moment' if 'T' in value else 'day')
	return element


def cells(row):
	"""The cells of a row, repeated ones each, up to the last one that is not empty."""
	values = []
	for element in row.findall(TABLE + 'table-cell'):
		value = (element.get(OFFICE + 'value-type'), '\n'.join(''.join(p.itertext()) for p in element.findall(TEXT + 'p')))
		values += [value] * min(int(element.get(TABLE + 'number-columns-repeated', '1')), 100)
	while values and values[-1] == (None, ''):
		values.pop()
	return values


def enter(path, people):
	"""Opens a workbook, enters rows behind the header, and saves it as another one."""
	flat = convert(path, 'fods')
	for _, (prefix, uri) in xml.iterparse(flat, ['start-ns']):
		xml.register_namespace(prefix, uri)		# LibreOffice knows the file by its prefixes
	tree = xml.parse(flat)
	table = tree.getroot().find('.//' + TABLE + 'table')
	rows = table.findall(TABLE + 'table-row')
	for row in rows[1:]:
		table.remove(row)
	position = list(table).index(rows[0])
	for number, person in enumerate(people, 1):
		row = xml.Element(TABLE + 'table-row')
		row.extend(cell(value) for value in person)
		table.insert(position + number, row)
	styles = tree.getroot().find(OFFICE + 'automatic-styles')
	styles.extend(xml.fromstring(STYLES))
	filled = os.path.join(os.path.dirname(path), 'filled.fods')
	tree.write(filled, encoding='utf-8', xml_declaration=True)
	return convert(filled, 'xlsx')


def template_comes_back(directory):
	template = os.path.join(directory, 'template.xlsx')
	fetch("SELECT orgsync.template_xlsx('workleap')", template)
	people = [['Ann Lee', 'ann@example.com', 'CA', 'CA-QC', 'en', 'Clerk'], ['Zoë Ångström', 'zoe@example.com', 'FR', 'FR-IDF', 'fr', '00123']]
	filled = enter(template, people)
	check(sql("SELECT state, created, rejected, warnings FROM orgsync.import_xlsx('students', %s)" % literal(filled)), 'applied|2|0|0',
		  'a template that LibreOffice filled in is imported')
	check(sql("SELECT string_agg(concat_ws(' ', primary_email_address, preferred_first_name, preferred_last_name), ', ' ORDER BY 1)"
			  " FROM students.profiles"), 'ann@example.com Ann Lee, zoe@example.com Zoë Ångström', 'with its people')

	people = [['Bob Ray', ('formula', ('=LOWER("BOB@EXAMPLE.COM")', 'bob@example.com')), 'CA', 'CA-QC', 'en', 'x']]
	filled = enter(template, people)
	check(sql("SELECT state FROM orgsync.import_xlsx('students', %s)" % literal(filled)), 'refused', 'one with a formula is refused')
	check(sql("SELECT concat_ws(' ', code, severity, message) FROM students.import_findings WHERE severity = 'error'"),
		  'formula_value error cell B2 in column "Email" is calculated by a formula (its value is "bob@example.com")', 'for its cell')

	filled = enter(template, [[('date', '2026-01-31'), ('date', '2026-01-31T12:30:00'), ('float', '100000'), ('float', '0.1'), ('float', '1.5E-7')]])
	check(sql("SELECT fields FROM orgsync.read_xlsx(%s) WHERE line = 2" % literal(filled)),
		  '{2026-01-31,"2026-01-31 12:30:00",100000,0.1,0.00000015}', 'dates and numbers are read as they were typed')


def strip(row):
	"""The row without the empty cells at its end, which a sheet has not."""
	while row and row[-1] == '':
		row = row[:-1]
	return row


def export_goes_out(directory):
	people = '''primary_email_address,preferred_first_name,preferred_last_name,work_title,unique_user_id,group:HR
ann@example.com,Zoë,Ångström,"=1+1, or ""more"" of it",00042,yes
bob@example.com,Bob,Ray,2026-01-31,1e5,no
'''
	sql("SELECT orgsync.create_account('acme', 'linkedin_learning'); SELECT orgsync.import_csv('acme', $csv$%s$csv$::text)" % people)
	exported = os.path.join(directory, 'exported.xlsx')
	fetch("SELECT xlsx FROM orgsync.export_xlsx('acme', dry_run => true)", exported)
	expected = list(csv.reader(io.StringIO(sql("SELECT csv FROM orgsync.export_csv('acme', dry_run => true)"), newline='')))
	tree = xml.parse(convert(exported, 'fods'))
	rows = [cells(row) for row in tree.getroot().find('.//' + TABLE + 'table').iter(TABLE + 'table-row')]
	rows = [row for row in rows if row]
	check({kind for row in rows for kind, text in row if text != ''}, {'string'}, 'every cell of an export is text')
	check([[text for _, text in row] for row in rows], [strip(row) for row in expected], 'and what it was')


def main():
	with tempfile.TemporaryDirectory() as directory:
		sql("CREATE EXTENSION orgsync_xlsx CASCADE; SELECT orgsync.create_account('students', 'workleap')")
		template_comes_back(directory)
		export_goes_out(directory)
	print('%d failed' % failures)
	sys.exit(failures > 0)


main()
