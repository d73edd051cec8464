#!/usr/bin/env python3
"""hostile.py DIRECTORY COUNT SEED: workbooks that nobody means well with.

	whole.xlsx, stored.xlsx		a workbook as it should be, packed and not
	mutant-N.xlsx				COUNT times one of these, with bytes changed: reading it must
								end in an error or in the same rows
	content-N.xlsx				as many with changes in a part, packed again: reading them
								must end, whatever comes out
	bomb-NAME.xlsx				what expands, nests or repeats without measure
"""

import os
import random
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'xlsx'))
import make_workbooks as workbooks  # noqa: E402

MEGABYTE = 1024 * 1024


def sheet(rows):
	return '<cols><col min="2" max="3" hidden="1"/></cols><sheetData>%s</sheetData><mergeCells><mergeCell ref="A2:B3"/></mergeCells>' \
		% ''.join('<row r="%d"><c r="A%d" t="s"><v>%d</v></c><c r="C%d"><v>%d.5</v></c><c r="D%d" s="1"><v>%d</v></c>'
				  '<c r="E%d" t="inlineStr"><is><t>row %d</t></is></c><c r="F%d" t="str"><f>A%d</f><v>x</v></c></row>' % (
					  row, row, row % 50, row, row, row, 40000 + row, row, row, row, row)
				  for row in range(2, rows * 2, 2))


def make_whole(directory):
	path = os.path.join(directory, 'whole.xlsx')
	workbooks.write(path, [('Hidden', ' state="hidden"', '<sheetData/>'), ('Sheet', '', sheet(150))],
					strings=['<si><t>shared %d</t></si>' % i for i in range(50)], styles=workbooks.STYLES)
	with zipfile.ZipFile(path) as packed, zipfile.ZipFile(os.path.join(directory, 'stored.xlsx'), 'w') as stored:
		for name in packed.namelist():
			stored.writestr(name, packed.read(name))


def mutate(generator, data):
	"""Changes, cuts, repeats or moves a few bytes."""
	data = bytearray(data)
	for _ in range(generator.choice((1, 1, 1, 2, 5, 20))):
		# the directory at the end is where archives are most easily broken
		low = 0 if generator.random() < 0.5 else max(0, len(data) - 800)
		at = generator.randrange(low, len(data))
		length = min(generator.choice((1, 1, 2, 4, 8, 64, 1000)), len(data) - at)
		what = generator.randrange(7)
		if what <= 2:
			data[at] ^= 1 << generator.randrange(8)
		elif what == 3:
			for i in range(at, at + length):
				data[i] = generator.choice((0, 0xFF, generator.randrange(256)))
		elif what == 4:
			del data[at:at + length]
		elif what == 5:
			data[at:at] = data[at:at + length]
		else:
			to = generator.randrange(len(data))
			data[to:to + length] = data[at:at + length]
		if not data:
			break
	return bytes(data)


def make_mutants(directory, count, generator):
	wholes = [open(os.path.join(directory, name), 'rb').read() for name in ('whole.xlsx', 'stored.xlsx')]
	with zipfile.ZipFile(os.path.join(directory, 'whole.xlsx')) as archive:
		parts = {name: archive.read(name) for name in archive.namelist()}
	for i in range(count):
		with open(os.path.join(directory, 'mutant-%d.xlsx' % i), 'wb') as file:
			file.write(mutate(generator, generator.choice(wholes)))
		name = generator.choice(sorted(parts))
		workbooks.write_archive(os.path.join(directory, 'content-%d.xlsx' % i),
								dict(parts, **{name: mutate(generator, parts[name])}))


def make_bombs(directory):
	shared = '<c t="s"><v>0</v></c>'
	long_text = ['<si><t>' + 'x' * 32000 + '</t></si>']
	bombs = {
		'blanks': ('<sheetData>' + ' ' * (80 * MEGABYTE) + '</sheetData>', None),
		'texts': ('<sheetData>' + ('<row>' + shared + '</row>') * 200000 + '</sheetData>', long_text),
		'wide_row': ('<sheetData><row>' + shared * 16384 + '</row></sheetData>', long_text),
		'cells': ('<sheetData><row>' + '<c><v>1</v></c>' * 20000 + '</row></sheetData>', None),
		'rows': ('<sheetData>' + '<row><c><v>1</v></c></row>' * 1048577 + '</sheetData>', None),
		'row_number': ('<sheetData><row r="1000000000"><c><v>1</v></c></row></sheetData>', None),
		'far': ('<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>', None),
		'nesting': ('<sheetData>' + '<a>' * 500000, None),
		'attribute': ('<sheetData a="' + 'x' * (20 * MEGABYTE) + '"/>', None),
		'attributes': ('<sheetData ' + ' '.join('a%d=""' % i for i in range(500000)) + '/>', None),
		'comment': ('<!--' + 'x' * (20 * MEGABYTE) + '--><sheetData/>', None),
		'merges': ('<sheetData/><mergeCells>' + '<mergeCell ref="A1:XFD1048576"/>' * 1000000 + '</mergeCells>', None),
		'columns': ('<cols>' + '<col min="1" max="16384" hidden="1"/>' * 1000000 + '</cols><sheetData/>', None),
		'arrays': ('<sheetData>' + '<row>' + '<c><f t="array" ref="A1:XFD1048576"/></c>' * 16000 + '</row>' +
				   ('<row>' + '<c><v>1</v></c>' * 16000 + '</row>') * 20 + '</sheetData>', None),
		'strings': ('<sheetData/>', ['<si/>' * 2000000]),
		'long_string': ('<sheetData/>', ['<si><t>' + 'x' * (20 * MEGABYTE) + '</t></si>']),
		'distinct_strings': ('<sheetData>' + ''.join('<row><c t="s"><v>%d</v></c></row>' % (i * 7919 % 600000)
													 for i in range(600000)) + '</sheetData>',
							 ['<si><t>text number %d</t></si>' % i for i in range(600000)]),
	}
	for name, (content, strings) in bombs.items():
		workbooks.write(os.path.join(directory, 'bomb-%s.xlsx' % name), [('Sheet', '', content)], strings=strings)
	workbooks.write(os.path.join(directory, 'bomb-sheets.xlsx'), [('Sheet', '', '<sheetData/>')],
					properties='<sheets>' + '<sheet name="x" r:id="rId1"/>' * 100000 + '</sheets>')
	workbooks.write(os.path.join(directory, 'bomb-styles.xlsx'), [('Sheet', '', '<sheetData/>')],
					styles='<numFmts>' + '<numFmt numFmtId="200" formatCode="0"/>' * 2000 + '</numFmts><cellXfs>' +
					'<xf numFmtId="199"/>' * 200000 + '</cellXfs>')
	workbooks.write_archive(os.path.join(directory, 'bomb-parts.xlsx'), {'part%d' % i: '' for i in range(20000)})


def main():
	directory, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
	make_whole(directory)
	make_mutants(directory, count, random.Random(seed))
	make_bombs(directory)


main()
