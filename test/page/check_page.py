#!/usr/bin/env python3
"""test/page/check_page.py FILE [--browser]

Looks at a page that orgsync made as a reader, a screen reader and a phone would:
it must be well-formed, in itself complete, without scripts, with a language, a
title, headings in order, headers for its tables and texts for its pictures.  Its
figures are printed as JSON, for comparison with the tables.

With --browser, Chromium lays it out as broad as a desk and as a phone; nothing may
stick out.  Where there is no Chromium, "no browser" is printed.
"""

import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

WIDTHS = (360, 1200)
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')

MEASURE = '''<!DOCTYPE html><title>?</title><body><script>
const page = %s, widths = %s, wide = [];
let left = widths.length;
for (const width of widths) {
	const frame = document.createElement('iframe');
	frame.style.cssText = 'border:0;height:600px;width:' + width + 'px';
	frame.onload = () => {
		const inner = frame.contentDocument;
		if (inner.documentElement.scrollWidth > width) wide.push(width + ': scrolls to ' + inner.documentElement.scrollWidth);
		for (const element of inner.querySelectorAll('main *'))
			if (element.getBoundingClientRect().right > width + 1)
				wide.push(width + ': ' + element.tagName + ' ' + element.textContent.slice(0, 40));
		if (--left === 0) document.title = 'measured ' + JSON.stringify(wide);
	};
	frame.srcdoc = page;
	document.body.append(frame);
}
</script>'''


class Structure(html.parser.HTMLParser):
    """What an HTML parser, rather than an XML parser, makes of the page."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.attributes = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or '') for name, value in attributes]


def text(element):
    return ' '.join(''.join(element.itertext()).split())


def number(string):
    digits = re.sub('[^0-9-]', '', string)
    return int(digits) if digits not in ('', '-') else None


def check(page):
    """The faults of the page, and its figures."""
    faults = []
    expect = lambda condition, fault: condition or faults.append(fault)

    expect(page.isascii(), 'not ASCII')
    expect(page.startswith('<!DOCTYPE html>'), 'no doctype')
    root = xml.etree.ElementTree.fromstring(page)
    structure = Structure()
    structure.feed(page)
    structure.close()
    expect(structure.tags == [element.tag for element in root.iter()], 'HTML and XML read different elements')
    expect(not {'script', 'link', 'img', 'iframe', 'object', 'form'} & set(structure.tags), 'not self-contained')
    for tag, name, value in structure.attributes:
        expect(not name.startswith('on') and name not in ('href', 'src', 'srcset'), 'attribute %s' % name)
    expect('url(' not in page and '@import' not in page, 'the style asks for something')

    expect(root.get('lang') == 'en', 'no language')
    expect(text(root.find('head/title')) != '', 'no title')
    headings = [int(element.tag[1]) for element in root.iter() if re.fullmatch('h[1-6]', element.tag)]
    expect(headings[0] == 1 and headings.count(1) == 1, 'no heading of the first level, or several')
    expect(all(b <= a + 1 for a, b in zip(headings, headings[1:])), 'a level of headings is left out')
    ids = [element.get('id') for element in root.iter() if element.get('id')]
    expect(len(ids) == len(set(ids)), 'an id is there twice')
    for section in root.iter('section'):
        expect(section.get('aria-labelledby') in ids, 'a section without a name')
    for table in root.iter('table'):
        expect(list(table.iter('th')) != [], 'a table without headers')
        expect(all(header.get('scope') for header in table.iter('th')), 'a header that does not say of what')
    for picture in root.iter('svg'):
        expect(picture.get('role') == 'img' and text(picture.find('title')), 'a picture without a text')

    figures = {text(pair.find('dt')): number(text(pair.find('dd'))) for pair in root.findall('.//dl/div')}
    sections = {}
    for section in root.iter('section'):
        count = section.find('h2/span')
        rows = [[text(cell) for cell in row.findall('*')] for row in section.findall('.//tbody/tr')]
        sections[section.get('aria-labelledby')] = {
            'total': number(text(count)) if count is not None else None, 'rows': rows}
    verdict = text(root.find(".//p[@class]/strong/.."))
    return faults, {'verdict': verdict, 'figures': figures, 'sections': sections}


def overflow(page):
    """What sticks out in a browser; None if there is no browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        frame = os.path.join(directory, 'frame.html')
        with open(frame, 'w') as file:
            file.write(MEASURE % (json.dumps(page).replace('</', '<\\/'), json.dumps(WIDTHS)))
        output = subprocess.run(
            [browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
             '--user-data-dir=' + directory, '--virtual-time-budget=10000', '--dump-dom', 'file://' + frame],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300).stdout.decode()
    measured = re.search('<title>measured (.*?)</title>', output, re.S)
    return ['the browser did not measure'] if measured is None else json.loads(measured[1].replace('&amp;', '&'))


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        page = file.read()
    if '--browser' in sys.argv:
        wide = overflow(page)
        print('no browser' if wide is None else '\n'.join(wide) or 'all fits')
        return
    faults, figures = check(page)
    print(json.dumps({'faults': faults, **figures}))


if __name__ == '__main__':
    main()
