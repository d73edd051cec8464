#!/usr/bin/env python3
"""Makes a LinkedIn Learning roster, and what becomes of it overnight.

    make_roster.py --people 10000 --seed 1 --out monday.csv --faults --next-day tuesday.csv

writes monday.csv and, about 1 % of the people changed, tuesday.csv.  Beside
each stands a file FILE.labels.csv with what a reader of the roster should find:

    monday.labels.csv   line, code, primary_email_address: the planted faults
                        (--faults), each with the code of the finding it earns
    tuesday.labels.csv  change, primary_email_address, column_name, old_value,
                        new_value: everybody whose row is not what it was:
                        "title" and "group" changed, "gone", "new", or "mended",
                        where the first file had a fault

The same options give the same bytes on every Python from 3.8 on: the only
source of chance is random.random(), whose sequence is guaranteed.
"""

import argparse
import csv
import os
import random
import unicodedata

LICENSE = "Default_license_learning_proAllLanguages_status"
GROUPS = ["Engineering", "Sales", "Finance", "Human Resources", "Leadership", "EMEA", "Interns"]
HEADER = (["primary_email_address", "unique_user_id", "preferred_first_name", "preferred_last_name",
           "work_title", LICENSE] + ["group:" + g for g in GROUPS]
          + ["attribute_Cost_Center", "attribute_Office"])

DOMAINS = ["acme.example", "acme.example", "emea.acme.example", "acme-labs.example"]

FIRST_NAMES = """
Aisha Alba Amélie Anders Anjali Anton Astrid Beatriz Bilal Björn Camille Carlos Chiara Chloé
Daniela Deniz Dmitri Eleni Elif Emeka Emil Esther Fatima Felix Fernanda Freya Gabriel Giulia Grace
Greta Hanna Hassan Hiro Hugo Ines Ingrid Isaac Ivana Jakub Jana Javier Joaquín Jonas Julia Kaito
Karim Katarina Kwame Lars Leila Léon Linh Lucía Luka Magda Malik Marek Maria Mateo Maya Mei Mikko
Milan Mira Mohammed Nadia Naomi Niamh Nikolai Noah Nora Oksana Olga Omar Oscar Pablo Paula Pedro
Petra Priya Rafael Rania Renée Ricardo Rosa Ruben Sana Santiago Sara Sean Sofia Sören Stefan Tariq
Tereza Thomas Uma Valentina Vera Viktor Wanda Yara Yusuf Zoë""".split()

LAST_NAMES = """
Abdi Acosta Adeyemi Almeida Andersson Arslan Baker Barbosa Bauer Becker Benali Bianchi Bondarenko
Brandt Brown Byrne Cardoso Carter Castillo Chanda Cheng Clarke Costa Cruz Dahl Demir Dimitrov
Dlamini Doyle Dubois Duong Eriksen Esposito Evans Farah Fernández Ferrari Fischer Fontaine Foster
Fuchs Garnier Georgiou Gómez Górski Grant Greco Haddad Håkansson Hayashi Hoffmann Horvat Huang
Hughes Ibrahim Ivanova Jansen Jiménez Johansson Joshi Kamau Kaya Keller Kelly Khan Kim Kobayashi
Kovač Kowalska Krüger Kumar Lambert Larsen Lehmann Lewis Lindqvist Lopes Lund MacDonald Mäkinen
Marino Markovic Martel Mbeki Mendoza Meyer Moreau Morgan Müller Murphy Nakamura Navarro Ndiaye
Nguyen Nielsen Novák Nowicki Núñez O'Brien Okafor Olsen Ortega Osei Papadakis Patel Pavlov Pereira
Petrov Popescu Quinn Rahman Ramos Reddy Ricci Rivera Robinson Romero Rossi Roux Salonen Sánchez
Santos Schäfer Schmidt Sharma Silva Singh Sokolov Suzuki Svoboda Tanaka Taylor Thompson Torres
Turner Ueda Vargas Vasquez Vega Virtanen Vogel Walsh Wang Weber Williams Winkler Wójcik Wright
Yamada Yılmaz Young Zhang Zieliński Zimmermann""".split()

RANKS = ["", "", "", "Senior ", "Junior ", "Lead ", "Principal "]
ROLES = ["Software Engineer", "Account Executive", "Data Analyst", "Product Manager", "Recruiter",
         "Financial Controller", "Support Specialist", "Solutions Architect", "Office Manager",
         "Legal Counsel", "Ingénieure logiciel", "Geschäftsführer", "ソフトウェアエンジニア"]
AREAS = ["", "", "", ", EMEA", ", R&D", ' "Skunkworks"']
OFFICES = ["Berlin", "São Paulo", "Zürich", "New York", "東京", "Kraków", "London", "Paris",
           "Washington, DC", "Bengaluru", "Remote"]

CHANGED = .01       # of the people, overnight
FAULTS_EACH = 3     # of every kind of fault
FORMULAS = ['=HYPERLINK("http://evil.example","Analyst")', "+1 Office Manager", "@home Recruiter"]


class Chance:
    """Choices that depend on random.random() alone."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def one_in(self, share):
        return self.random() < share

    def below(self, number):
        return int(self.random() * number)

    def pick(self, values):
        return values[self.below(len(values))]

    def shuffled(self, values):
        return [value for _, value in sorted((self.random(), value) for value in values)]


def in_ascii(name):
    """A name as it stands in an e-mail address."""
    decomposed = unicodedata.normalize("NFD", name.lower().replace("ı", "i"))
    return "".join(c for c in decomposed if c in "abcdefghijklmnopqrstuvwxyz-")


class Staff:
    """An endless row of people of whom no two have the same name: simple last
    names first, double-barrelled ones when those are used up."""

    def __init__(self, chance):
        self.chance = chance
        self.hired = 0
        self.first_names = chance.shuffled(FIRST_NAMES)
        self.last_names = chance.shuffled(LAST_NAMES)

    def name(self):
        # Every round pairs each first name with the last name one further on.
        round_, number = divmod(self.hired, len(self.first_names))
        last = self.last_name(number + round_)
        doubled = round_ // len(self.last_names)
        if doubled > 0:
            last += "-" + self.last_name(number + round_ + doubled)
        return self.first_names[number], last

    def last_name(self, number):
        return self.last_names[number % len(self.last_names)]

    def title(self):
        return self.chance.pick(RANKS) + self.chance.pick(ROLES) + self.chance.pick(AREAS)

    def hire(self):
        first, last = self.name()
        self.hired += 1
        local = in_ascii(first) + "." + in_ascii(last)
        person = {
            "primary_email_address": local + "@" + self.chance.pick(DOMAINS),
            "unique_user_id": "E%07d" % (1000000 + self.hired),
            "preferred_first_name": first,
            "preferred_last_name": last,
            "work_title": self.title(),
            LICENSE: "active" if self.chance.one_in(.7) else "inactive",
            "attribute_Cost_Center": "CC-%d" % (1000 + self.chance.below(80)),
            "attribute_Office": self.chance.pick(OFFICES)}
        for group in GROUPS:
            member = self.chance.one_in(.15)
            person["group:" + group] = "yes" if member else self.chance.pick(["no", ""])
        return person


def cells(person):
    return [person[column] for column in HEADER]


def next_day(people, staff, chance):
    """The people of the next day, and the labels of what changed: some have
    another title or another group, some are gone, as many are new."""
    tomorrow, labels, gone = [], [], 0
    for person in people:
        person = dict(person)
        email = person["primary_email_address"]
        if chance.one_in(CHANGED):
            what = chance.random()
            if what < .2:
                gone += 1
                labels.append(["gone", email, "", "", ""])
                continue
            if what < .7:
                change, column, new = "title", "work_title", staff.title()
                while new == person[column]:
                    new = staff.title()
            else:
                change, column = "group", "group:" + chance.pick(GROUPS)
                new = "no" if person[column] == "yes" else "yes"
            labels.append([change, email, column, person[column], new])
            person[column] = new
        tomorrow.append(person)
    for _ in range(gone):
        person = staff.hire()
        tomorrow.append(person)
        labels.append(["new", person["primary_email_address"], "", "", ""])
    return tomorrow, labels


def spoil(row, code, n):
    """Spoils a row, given as a list of cells, so that it earns the finding
    code, in the n-th of several ways.  Returns the column and its cell then."""
    if code == "invalid_email":
        column, bad = "primary_email_address", row[0].replace("@", [" at ", "", "@@"][n])
    elif code == "invalid_status":
        column, bad = LICENSE, ["actve", "enabled", "y"][n]
    elif code == "formula_value":
        column, bad = "work_title", FORMULAS[n]
    else:  # field_count: a cell is lost
        del row[HEADER.index("work_title")]
        return "work_title", ""
    row[HEADER.index(column)] = bad
    return column, bad


def repeat(row, code, n):
    """A row that repeats a person's: the same once more, or another spelling
    of the address, without the employee id."""
    row = list(row)
    if code == "duplicate_profile":
        local, domain = row[0].split("@")
        local = [local + "+linkedin", local.replace(".", ""), local[0] + "." + local[1:]][n]
        row[0] = local + "@" + domain
        row[HEADER.index("unique_user_id")] = ""
    return row


def plant_faults(people, spared, chance):
    """The rows of the people, spoiled here and there, but not those of the
    addresses in spared.  Returns the rows, as lists of cells; the labels of the
    faults; and those for the day on which the spoiled rows are mended."""
    rows = [cells(person) for person in people]
    # The last fifth stays whole: no seat may be left when its turn comes, and
    # then that is what is found.
    victims = chance.shuffled(
        [i for i, person in enumerate(people[:len(people) * 4 // 5])
         if person[LICENSE] == "active" and person["primary_email_address"] not in spared])
    faults, mended, added = {}, [], {}
    for n in range(FAULTS_EACH):
        for code in ("invalid_email", "invalid_status", "formula_value", "field_count"):
            i = victims.pop()
            email = rows[i][0]
            faults[i] = code, email
            column, bad = spoil(rows[i], code, n)
            mended.append(["mended", email, column, bad, people[i][column]])
        for code in ("duplicate_row", "duplicate_profile"):
            i = victims.pop()
            row = repeat(rows[i], code, n)
            added[i] = row, code

    lines, labels = [], []
    for i, row in enumerate(rows):
        lines.append(row)
        if i in faults:
            labels.append([len(lines) + 1, *faults[i]])
        if i in added:
            row, code = added[i]
            lines.append(row)
            labels.append([len(lines) + 1, code, row[0]])
    return lines, labels, mended


def write(name, header, rows):
    """Writes a CSV file as RFC 4180 has it."""
    with open(name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_roster(name, people):
    write(name, HEADER, [cells(person) for person in people])


def write_labels(name, header, rows):
    write(os.path.splitext(name)[0] + ".labels.csv", header, rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True, metavar="FILE", help="the roster to write")
    parser.add_argument("--faults", action="store_true", help="plant some faults in it")
    parser.add_argument("--next-day", metavar="FILE", help="the next day's roster, without faults")
    arguments = parser.parse_args()
    if arguments.faults and arguments.people < 100:
        parser.error("--faults needs 100 people to hide among")

    chance = Chance(arguments.seed)
    staff = Staff(chance)
    people = [staff.hire() for _ in range(arguments.people)]
    tomorrow, changes = next_day(people, staff, chance)

    if arguments.faults:
        spared = {email for _, email, *_ in changes}
        rows, faults, mended = plant_faults(people, spared, chance)
        write(arguments.out, HEADER, rows)
        write_labels(arguments.out, ["line", "code", "primary_email_address"], faults)
        changes += mended
    else:
        write_roster(arguments.out, people)
    if arguments.next_day:
        write_roster(arguments.next_day, tomorrow)
        write_labels(
            arguments.next_day,
            ["change", "primary_email_address", "column_name", "old_value", "new_value"], changes)


if __name__ == "__main__":
    main()
