#!/usr/bin/env python3
"""make_workbooks.py [DIRECTORY]: writes the workbooks that sql/xlsx*.sql reads.

They are written part by part, because no spreadsheet program writes all that the
standard allows, and none writes what is wrong.  The same script writes the same
bytes, which are kept beside it: the regression tests run without Python.
"""

import os
import sys
import zipfile

TRANSITIONAL = {
	'main': 'http://schemas.openxmlformats.org/spreadsheetml/2006/main',
	'r': 'http://schemas.openxmlformats.org/officeDocument/2006/relationships',
	'package': 'http://schemas.openxmlformats.org/package/2006/relationships',
}
STRICT = dict(TRANSITIONAL, main='http://purl.oclc.org/ooxml/spreadsheetml/main',
			  r='http://purl.oclc.org/ooxml/officeDocument/relationships')

TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">' \
	'<Default Extension="xml" ContentType="application/xml"/></Types>'


def relationships(flavour, targets):
	"""targets: (id, type, target)."""
	return '<Relationships xmlns="%s">%s</Relationships>' % (flavour['package'], ''.join(
		'<Relationship Id="%s" Type="%s/%s" Target="%s"/>' % (id, flavour['r'], type, target)
		for id, type, target in targets))


def write(path, sheets, strings=None, styles=None, flavour=TRANSITIONAL, properties='', extra=()):
	"""sheets: (name, attributes, what is inside of <worksheet>)."""
	parts = {
		'[Content_Types].xml': TYPES,
		'_rels/.rels': relationships(flavour, [('rId1', 'officeDocument', 'xl/workbook.xml')]),
		'xl/workbook.xml': '<workbook xmlns="%s" xmlns:r="%s">%s<sheets>%s</sheets></workbook>' % (
			flavour['main'], flavour['r'], properties, ''.join(
				'<sheet name="%s" sheetId="%d" r:id="rId%d"%s/>' % (name, i + 1, i + 1, attributes)
				for i, (name, attributes, _) in enumerate(sheets))),
	}
	targets = [('rId%d' % (i + 1), 'worksheet', 'worksheets/sheet%d.xml' % (i + 1)) for i in range(len(sheets))]
	for i, (_, _, content) in enumerate(sheets):
		parts['xl/worksheets/sheet%d.xml' % (i + 1)] = '<?xml version="1.0" encoding="UTF-8"?>\n' + (
			content if content.startswith('<!') or content.startswith('<x:') else
			'<worksheet xmlns="%s">%s</worksheet>' % (flavour['main'], content))
	if strings is not None:
		parts['xl/sharedStrings.xml'] = '<sst xmlns="%s">%s</sst>' % (flavour['main'], ''.join(strings))
		targets.append(('rIdStrings', 'sharedStrings', '/xl/sharedStrings.xml'))
	if styles is not None:
		parts['xl/styles.xml'] = '<styleSheet xmlns="%s">%s</styleSheet>' % (flavour['main'], styles)
		targets.append(('rIdStyles', 'styles', 'styles.xml'))
	parts['xl/_rels/workbook.xml.rels'] = relationships(flavour, targets)
	parts.update(extra)
	write_archive(path, parts)


def write_archive(path, parts):
	with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
		for name, content in parts.items():
			information = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
			information.compress_type = zipfile.ZIP_DEFLATED
			information.external_attr = 0o644 << 16
			archive.writestr(information, content)


def text(reference, value, attributes=''):
	return '<c r="%s" t="inlineStr"%s><is><t xml:space="preserve">%s</t></is></c>' % (reference, attributes, value)


def texts(row, *values):
	return '<row r="%d">%s</row>' % (row, ''.join(
		text('ABCDEFGH'[i] + str(row), value) for i, value in enumerate(values) if value != ''))


STYLES = '<numFmts count="8"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>' \
	'<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/><numFmt numFmtId="166" formatCode="00000"/>' \
	'<numFmt numFmtId="167" formatCode="#,##0.00 &quot;days&quot;"/><numFmt numFmtId="168" formatCode="[$-409]d\\-mmm"/>' \
	'<numFmt numFmtId="169" formatCode="[Red]0.00E+00"/><numFmt numFmtId="170" formatCode="mmm"/>' \
	'<numFmt numFmtId="171" formatCode="mm:ss.0"/></numFmts>' \
	'<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>%s</cellXfs>' % ''.join(
		'<xf numFmtId="%d"/>' % id for id in (0, 14, 22, 20, 46, 164, 165, 166, 167, 168, 169, 170, 49, 171))


def values():
	"""Every kind of value, one a row: a word for it, and the cell."""
	cells = [
		('shared', '<c r="B%d" t="s"><v>0</v></c>'), ('rich', '<c r="B%d" t="s"><v>1</v></c>'),
		('phonetic', '<c r="B%d" t="s"><v>2</v></c>'), ('escaped', '<c r="B%d" t="s"><v>3</v></c>'),
		('inline', '<c r="B%d" t="inlineStr"><is><r><t>in</t></r><r><rPr><b/></rPr><t>line</t></r></is></c>'),
		('result', '<c r="B%d" t="str"><f>A1</f><v>of a formula</v></c>'),
		('yes', '<c r="B%d" t="b"><v>1</v></c>'), ('no', '<c r="B%d" t="b"><v>0</v></c>'),
		('error', '<c r="B%d" t="e"><v>#REF!</v></c>'),
		('no reference', '<c><v>7</v></c>'),
	]
	numbers = ['1', '-1', '0', '-0', '100000', '1E+5', '1.1000000000000001', '0.10000000000000001', '0.30000000000000004',
		'123456789012345', '1234567890123456789', '1.5E-7', '1E+20', '12.50', '-2.5E+3']
	cells += [(number, '<c r="B%%d"><v>%s</v></c>' % number) for number in numbers]
	for word, style, number in [
		('date', 1, '45658'), ('date with time', 2, '45658.5'), ('date at midnight', 2, '45658'), ('time', 3, '0.3125'),
		('duration', 4, '1.25'), ('own date', 5, '45658.75'), ('own moment', 6, '45658.999988425923'), ('padded', 7, '123'),
		('days', 8, '12'), ('day and month', 9, '45658'), ('scientific', 10, '1234'), ('month', 11, '45658'),
		('text format', 12, '123'), ('milliseconds', 13, '0.0007'), ('first day', 1, '1'), ('day 59', 1, '59'),
		('day 60', 1, '60'), ('day 61', 1, '61'), ('last day', 1, '2958465'), ('after it', 1, '2958466'),
		('before time', 1, '-1'), ('day 0', 1, '0'), ('unknown style', 99, '45658')]:
		cells.append((word, '<c r="B%%d" s="%d"><v>%s</v></c>' % (style, number)))
	return '<sheetData>%s</sheetData>' % ''.join(
		'<row r="%d">%s%s</row>' % (row, text('A%d' % row, word), cell.replace('%d', str(row)))
		for row, (word, cell) in enumerate(cells, 1))


def people():
	"""An account's file as people make them: a title, gaps, hidden rows, merged cells."""
	header = ['primary_email_address', 'preferred_first_name', 'preferred_last_name', 'unique_user_id', 'attribute_since',
		'group:HR', 'Remarks']
	rows = [
		'<row r="2">' + text('B2', 'Users of Acme') + '</row>',
		texts(4, *header),
		'<row r="5">' + text('A5', 'ann@example.com') + text('B5', 'Ann') + text('C5', 'Lee') +
		'<c r="D5" s="7"><v>42</v></c><c r="E5" s="1"><v>45658</v></c>' + text('F5', 'yes') + text('G5', 'two&#10;lines') + '</row>',
		'<row r="8" hidden="1">' + text('A8', 'bob@example.com') + text('B8', 'Bob') + text('C8', 'Ray') +
		'<c r="D8"><v>43</v></c><c r="H8"><v>1</v></c></row>',
		'<row r="9">' + text('A9', 'cat@example.com') + '<c r="B9" t="str"><f>A1</f><v>Cat</v></c>' + text('C9', 'Fox') +
		'<c r="D9"><v>44</v></c><c r="G9"><f>1+1</f><v>2</v></c></row>',
		'<row r="12"/>',
		'<row r="13">' + text('A13', 'dan@example') + text('B13', 'Dan') + text('C13', 'Ox') + '<c r="D13"><v>45</v></c></row>',
		'<row r="14">' + text('A14', 'eve@example.com') + '<c r="B14" t="e"><f>A1/0</f><v>#DIV/0!</v></c>' + text('C14', 'Ash') +
		'<c r="D14"><v>46</v></c></row>',
	]
	return '<cols><col min="4" max="5" hidden="1"/></cols><sheetData>%s</sheetData>' \
		'<mergeCells><mergeCell ref="F5:F8"/><mergeCell ref="B2:G2"/></mergeCells>' % ''.join(rows)


def remarks():
	"""A header with a formula, and more merged cells than are named."""
	header = text('A1', 'primary_email_address') + '<c r="B1" t="str"><f>CONCATENATE("work_","title")</f><v>work_title</v></c>'
	return '<sheetData><row r="1">%s</row>%s</sheetData><mergeCells>%s</mergeCells>' % (
		header, texts(2, 'gil@example.com', 'Boss'), ''.join('<mergeCell ref="C%d:D%d"/>' % (row, row) for row in range(1, 104)))


def students(with_formula):
	rows = [texts(1, 'Name', 'Email', 'Country', 'Region', 'Start date')]
	for row, (name, region) in enumerate([('Ann Lee', 'CA-QC'), ('Bob Ray', 'CA-ON')], 2):
		rows.append(texts(row, name, name.split()[0].lower() + '@example.com', 'CA', region, '2026-01-31'))
	if with_formula:
		rows.append('<row r="7">%s<c r="B7" t="str"><f>LOWER("CAT@EXAMPLE.COM")</f><v>cat@example.com</v></c>%s%s</row>' % (
			text('A7', 'Cat Fox'), text('C7', 'CA'), text('D7', 'CA-QC')))
		rows.append('<row r="8">%s%s%s%s<c r="E8"><f t="array" ref="E8:E9">E2:E3</f><v>1</v></c></row>' % (
			text('A8', 'Dan Ox'), text('B8', 'dan@example.com'), text('C8', 'CA'), text('D8', 'CA-QC')))
		rows.append('<row r="9">%s%s%s%s%s</row>' % (text('A9', 'Eve Ash'), text('B9', 'eve@example.com'),
			text('C9', 'CA'), text('D9', 'CA-QC'), text('E9', '2026-01-31')))
	return '<sheetData>%s</sheetData>' % ''.join(rows)


def strict_sheet(flavour):
	return '<x:worksheet xmlns:x="%s"><x:sheetData><x:row r="3"><x:c r="A3" s="1"><x:v>0</x:v></x:c>' \
		'<x:c r="B3" s="1"><x:v>1</x:v></x:c><x:c r="C3" t="d"><x:v>2026-01-31T00:00:00</x:v></x:c>' \
		'<x:c r="D3" t="d"><x:v>2026-01-31T12:30:00Z</x:v></x:c><x:c r="E3" t="inlineStr"><x:is><x:t>prefixed</x:t></x:is></x:c>' \
		'</x:row></x:sheetData></x:worksheet>' % flavour['main']


def main():
	os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
	write('values.xlsx', [('Values', '', values())], styles=STYLES, strings=[
		'<si><t>of all</t></si>', '<si><r><t>of </t></r><r><rPr><b/></rPr><t xml:space="preserve">two runs </t></r></si>',
		'<si><t>東京</t><rPh sb="0" eb="2"><t>とうきょう</t></rPh><phoneticPr fontId="1"/></si>',
		'<si><t>a_x000D__x005F_x000D_b_x00e9__xD800_</t></si>'])
	write('people.xlsx', [('Notes', ' state="hidden"', '<sheetData/>'), ('People', '', people()),
		('Codes', ' state="veryHidden"', '<sheetData>' + texts(1, 'hidden') + '</sheetData>')], styles=STYLES)
	write('remarks.xlsx', [('Sheet', '', remarks())] +
		[('Sheet %d' % n, ' state="hidden"' if n % 2 else '', '<sheetData/>') for n in range(2, 15)])
	write('students.xlsx', [('Users', '', students(False))])
	write('students_formula.xlsx', [('Users', '', students(True))])
	write('strict.xlsx', [('Strict', '', strict_sheet(STRICT))], styles=STYLES, flavour=STRICT,
		properties='<workbookPr date1904="true"/>')
	write('all_hidden.xlsx', [('One', ' state="hidden"', '<sheetData>' + texts(1, 'first') + '</sheetData>')])
	write('empty.xlsx', [('Sheet1', '', '<sheetData/>')])

	# what is wrong, one thing each
	faulty = {
		'entities': '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><worksheet>&b;</worksheet>',
		'no_xml': '<sheetData><row r="1"><c r="A1"></row></sheetData>',
		'rows_backwards': '<sheetData><row r="2"/><row r="1"/></sheetData>',
		'cells_backwards': '<sheetData><row r="1">' + text('B1', 'b') + text('A1', 'a') + '</row></sheetData>',
		'cell_twice': '<sheetData><row r="1">' + text('A1', 'b') + text('A1', 'a') + '</row></sheetData>',
		'other_row': '<sheetData><row r="1">' + text('A2', 'b') + '</row></sheetData>',
		'row_too_large': '<sheetData><row r="1048577"/></sheetData>',
		'column_too_large': '<sheetData><row r="1">' + text('XFE1', 'b') + '</row></sheetData>',
		'no_such_text': '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row></sheetData>',
		'no_number': '<sheetData><row r="1"><c r="A1"><v>one</v></c></row></sheetData>',
		'no_type': '<sheetData><row r="1"><c r="A1" t="x"><v>1</v></c></row></sheetData>',
	}
	for name, content in faulty.items():
		write('faulty_%s.xlsx' % name, [('Sheet1', '', content)])
	write('faulty_no_sheet.xlsx', [])
	write_archive('faulty_open_document.xlsx', {'mimetype': 'application/vnd.oasis.opendocument.spreadsheet', 'content.xml': ''})
	write_archive('faulty_zip.xlsx', {'readme.txt': 'Nothing.'})
	write_archive('faulty_binary.xlsx', {'_rels/.rels': relationships(TRANSITIONAL,
		[('rId1', 'officeDocument', 'xl/workbook.bin')]), 'xl/workbook.bin': ''})
	write_archive('faulty_document.xlsx', {'_rels/.rels': relationships(TRANSITIONAL,
		[('rId1', 'officeDocument', 'word/document.xml')]), 'word/document.xml': '<document/>'})


if __name__ == '__main__':
	main()
