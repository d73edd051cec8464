#!/usr/bin/env python3
"""Writes location_codes.c from Debian's package iso-codes.

    apt-get install iso-codes
    python3 src/core/location_codes.py > src/core/location_codes.c

The package is needed only to bring the table up to date; the build uses the
committed file.
"""

import json
import subprocess

DIRECTORY = "/usr/share/iso-codes/json"
SUFFIX_WIDTH = 4        # LOCATION_SUFFIX_WIDTH in location.h: three characters and a blank
SUFFIXES_A_LINE = 19

HEADER = """\
/*
 * location_codes.c
 *\t\tCountries (ISO 3166-1) and their regions (ISO 3166-2).
 *
 * Written by location_codes.py from Debian's package iso-codes {version}; do not
 * edit it.  Sorted by byte, countries and each country's regions, so that
 * location.c can search by halves.  A region stands here without its country and
 * the hyphen, padded to four characters: "AB  " of Canada is CA-AB.
 */
#include "location.h"

const location_country location_countries[] = {{
"""


def read(standard):
    """The entries of one of the package's files, by name of the standard."""
    with open(f"{DIRECTORY}/iso_{standard}.json", encoding="utf-8") as file:
        return json.load(file)[standard]


def package_version():
    command = ["dpkg-query", "--show", "--showformat", "${Version}", "iso-codes"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def suffixes_by_country():
    suffixes = {}
    for region in read("3166-2"):
        country, suffix = region["code"].split("-")
        assert len(suffix) < SUFFIX_WIDTH and suffix.isascii() and suffix.isalnum()
        suffixes.setdefault(country, []).append(suffix.ljust(SUFFIX_WIDTH))
    return suffixes


def country_lines(country, suffixes):
    """One line a country; those with many regions have them on the lines below."""
    name = country["name"].replace('"', '\\"')
    start = f'\t{{"{country["alpha_2"]}", "{country["alpha_3"]}", "{name}",'
    suffixes = sorted(suffixes)
    lines = ["".join(suffixes[i:i + SUFFIXES_A_LINE])
             for i in range(0, len(suffixes), SUFFIXES_A_LINE)] or [""]
    one_line = f'{start} "{lines[0]}"}}'
    if len(lines) == 1 and len(one_line) + 3 <= 99:     # a tab counts as four columns
        return one_line
    return start + "".join(f'\n\t\t"{line}"' for line in lines) + "}"


def main():
    suffixes = suffixes_by_country()
    countries = sorted(read("3166-1"), key=lambda country: country["alpha_2"])
    assert not set(suffixes) - {country["alpha_2"] for country in countries}
    print(HEADER.format(version=package_version()), end="")
    print(",\n".join(country_lines(country, suffixes.get(country["alpha_2"], []))
                     for country in countries))
    print("};\n")
    print("const int location_country_count = sizeof(location_countries) / "
          "sizeof(location_countries[0]);")


if __name__ == "__main__":
    main()
