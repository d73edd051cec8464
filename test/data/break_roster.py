#!/usr/bin/env python3
"""Makes a LinkedIn Learning roster of which one row in twenty is broken.

    break_roster.py --people 100000 --seed 1 --out DIRECTORY

writes to the directory

    before.csv  people whom the account has before: some faults refer to them
    broken.csv  the roster: every fault that a row can have, in every way
    clean.csv   the same with the faults undone
    labels.csv  line, code, severity, broken, clean: each fault and oddity of
                broken.csv with the code of its finding; its cells and what they
                should be, as JSON

    break_roster.py --mend RESULTS --out DIRECTORY

reads the results file of an import of broken.csv, checks that it holds the
broken rows as they came and in order, and writes mended.csv: the same file with
the faults undone, the column of messages left in.

The account must have the license LICENSE of make_roster.py, and the license
CAPPED with CAPPED_SEATS seats, of which invitations take one.
"""

import argparse
import csv
import json
import os

import make_roster
from make_roster import GROUPS, LICENSE, Chance, Staff

CAPPED = "Default_license_learning_en_status"
CAPPED_SEATS = 20
EXTRA = ["existing_email_address", CAPPED, "permission_manage_custom_content",
         "group_permission_view_reports", "reupload_user_profile"]
HEADER = make_roster.HEADER + EXTRA
BROKEN = 20         # one row in so many is broken
ODD = 50            # one in so many is accepted with a warning
BLANK_LINE = 1000   # a blank line after so many rows
HOLDERS = 600       # people of before.csv; no two faults refer to the same


def person(staff):
    """A person as make_roster has them; with a number in the address, which
    keeps rows that nothing was done to from being similar to each other."""
    made = staff.hire()
    local, domain = made["primary_email_address"].split("@")
    made["primary_email_address"] = "%s.%d@%s" % (local, staff.hired, domain)
    made.update(dict.fromkeys(EXTRA, ""))
    made["permission_manage_custom_content"] = "no"
    made["group_permission_view_reports"] = \
        "group:Sales group:Human Resources" if staff.chance.one_in(.1) else "no"
    return made


def put(column, value):
    """The fault of a value in a column."""
    def spoil(row, _donor, _holders):
        row[column] = value
    return spoil


def lose_cell(row, _donor, _holders):
    del row["attribute_Office"]


def add_cell(row, _donor, _holders):
    row["one too many"] = "x"


def no_key(row, _donor, _holders):
    row["primary_email_address"] = row["unique_user_id"] = ""


def no_address(row, _donor, _holders):
    row["primary_email_address"], row["unique_user_id"] = " ", "NOBODY" + row["unique_user_id"]


def address(change):
    """The fault of an address that is changed so."""
    def spoil(row, _donor, _holders):
        row["primary_email_address"] = change(*row["primary_email_address"].split("@"))
    return spoil


def same_address(row, donor, _holders):
    row["primary_email_address"] = donor["primary_email_address"].upper()


def same_id(row, donor, _holders):
    row["unique_user_id"] = donor["unique_user_id"]


def holders_address(row, _donor, holders):
    row["primary_email_address"] = holders.pop()["primary_email_address"]


def rename_to_holder(row, _donor, holders):
    row["unique_user_id"] = holders.pop()["unique_user_id"]
    row["primary_email_address"] = holders.pop()["primary_email_address"]


def unknown_rename(row, _donor, _holders):
    row["existing_email_address"] = "nobody@nowhere.example"


def similar(change, has_id):
    """Another person whose address is the donor's, written otherwise."""
    def spoil(row, donor, _holders):
        row["primary_email_address"] = change(*donor["primary_email_address"].split("@"))
        if not has_id:
            row["unique_user_id"] = ""
    return spoil


# Every way in which a row can be wrong: the code that it earns, and how it is done.
FAULTS = [
    ("field_count", lose_cell),
    ("field_count", add_cell),
    ("missing_email", no_key),
    ("missing_email", no_address),
    ("invalid_email", address(lambda local, domain: local + " at " + domain)),
    ("invalid_email", address(lambda local, domain: "%s@%s;%s@%s" % (local, domain, local, domain))),
    ("invalid_email", address(lambda local, domain: local + "@localhost")),
    ("invalid_email", address(lambda local, domain: local + "x" * 65 + "@" + domain)),
    ("invalid_status", put(LICENSE, "actve")),
    ("invalid_status", put(LICENSE, "yes")),
    ("invalid_group_value", put("group:" + GROUPS[0], "member")),
    ("invalid_group_value", put("group:" + GROUPS[3], "2")),
    ("invalid_permission", put("permission_manage_custom_content", "maybe")),
    ("invalid_permission", put("permission_manage_custom_content", "group:Sales")),
    ("invalid_permission", put("group_permission_view_reports", "Sales group:Finance")),
    ("unknown_group", put("group_permission_view_reports", "group:Sales group:Nowhere")),
    ("invalid_value", put("preferred_last_name", "Bell\a")),
    ("invalid_value", put("attribute_Office", "Room\x1b[31m")),
    ("invalid_value", put("unique_user_id", "E-12 34")),
    ("invalid_value", put("reupload_user_profile", "perhaps")),
    ("duplicate_row", same_address),
    ("duplicate_row", same_id),
    ("email_taken", holders_address),
    ("email_taken", rename_to_holder),
    ("unknown_profile", unknown_rename),
    ("duplicate_profile", similar(lambda local, domain: local + "+hr@" + domain, False)),
    ("duplicate_profile", similar(lambda local, domain: local.replace(".", "") + "@" + domain, False)),
    ("license_cap_exceeded", put(CAPPED, "active")),
]

# What earns a warning, and the row is taken all the same.
ODDITIES = [
    ("formula_value", put("work_title", "=1+1")),
    ("blank_value", put("work_title", "")),
    ("similar_profile", similar(lambda local, domain: local + "+me@" + domain, True)),
]


def cells(row):
    """In the order of the header; a cell that belongs to no column comes last."""
    return [row[column] for column in HEADER if column in row] + [
        cell for column, cell in row.items() if column not in HEADER]


def break_people(people, holders):
    """The rows of the people, some of them broken: (code, severity, broken, clean)."""
    rows, whole = [], []
    for number, clean in enumerate(people, 1):
        code, severity, broken = "", "", clean
        if number > 1000 and number % BROKEN == 0:
            code, spoil = FAULTS[number // BROKEN % len(FAULTS)]
            severity, broken = "error", dict(clean)
            spoil(broken, whole[number * 7 % len(whole)], holders)
        elif number > 1000 and number % ODD == 1:
            code, spoil = ODDITIES[number // ODD % len(ODDITIES)]
            severity, clean = "warning", dict(clean)
            spoil(clean, whole[number * 7 % len(whole)], holders)
            broken = clean
        elif number <= CAPPED_SEATS:
            clean[CAPPED] = "active"
        else:
            whole.append(clean)
        rows.append((code, severity, cells(broken), cells(clean)))
    return rows


def make(directory, count, seed):
    chance = Chance(seed)
    staff = Staff(chance)
    holders = [person(staff) for _ in range(HOLDERS)]
    people = [person(staff) for _ in range(count)]
    make_roster.write(os.path.join(directory, "before.csv"), HEADER, [cells(holder) for holder in holders])
    rows = break_people(people, holders)

    make_roster.write(os.path.join(directory, "clean.csv"), HEADER, [clean for *_, clean in rows])
    labels, line = [], 1
    with open(os.path.join(directory, "broken.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(HEADER)
        for number, (code, severity, broken, clean) in enumerate(rows, 1):
            line += 1
            writer.writerow(broken)
            if code:
                labels.append([line, code, severity, json.dumps(broken), json.dumps(clean)])
            if number % BLANK_LINE == 0:
                line += 1
                file.write("\r\n")
    make_roster.write(
        os.path.join(directory, "labels.csv"), ["line", "code", "severity", "broken", "clean"], labels)


def mend(directory, results):
    with open(os.path.join(directory, "labels.csv"), encoding="utf-8", newline="") as file:
        labels = [label for label in csv.DictReader(file) if label["severity"] == "error"]
    with open(results, encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == HEADER + ["Messages"], header
    assert len(rows) == len(labels), (len(rows), len(labels))
    mended = []
    for label, row in zip(labels, rows):
        broken = json.loads(label["broken"])
        assert row[:len(broken)] == broken, (label["line"], broken, row)
        assert row[-1] != "", label["line"]
        mended.append(json.loads(label["clean"]) + row[-1:])
    make_roster.write(os.path.join(directory, "mended.csv"), header, mended)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True, metavar="DIRECTORY")
    parser.add_argument("--mend", metavar="RESULTS", help="the results file to mend")
    arguments = parser.parse_args()
    if arguments.mend:
        mend(arguments.out, arguments.mend)
    else:
        make(arguments.out, arguments.people, arguments.seed)


if __name__ == "__main__":
    main()
