#!/bin/bash
#
# test/demo/demo.sh: shows orgsync at work on a company's roster, today's and
# tomorrow's, on the server that test/throwaway made ("make demo" runs the one
# within the other).

set -euo pipefail

today=$TMPDIR/today.csv
tomorrow=$TMPDIR/tomorrow.csv
test/data/make_roster.py --people 10000 --seed 1 --faults --out "$today" --next-day "$tomorrow"

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=today="$today" --set=tomorrow="$tomorrow" \
	--file=test/demo/demo.sql
