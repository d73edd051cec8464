#!/bin/sh
#
# deliver.sh ACCOUNT DESTINATION DIRECTORY [SFTP-OPTION...]
#
# Exports an account and uploads the files to the vendor over SFTP, in their order,
# for a nightly job.  DESTINATION is as sftp(1) takes it: user@host:directory, with a
# key, for nobody is there to type a password.  Each delivery keeps its files and a
# receipt, what the vendor's server then had, in a directory of its own under
# DIRECTORY, which its export's number names.
#
# The vendor takes some time to work.  When it has, say so, with its error file if
# it wrote one:
#
#	orgsync confirm ACCOUNT EXPORT --results=FILE
#
# What is not confirmed is exported again, so a delivery that failed needs nothing
# but the next one.

set -eu
account=$1
destination=$2
directory=$3
shift 3

waiting=$(mktemp -d "$directory/waiting.XXXXXX")
trap 'rmdir "$waiting" 2>/dev/null || true' EXIT
orgsync export "$account" --out="$waiting"

# The names begin with the account, the date and the export; then comes the order.
first=$(ls "$waiting" | head -n 1)
[ -n "$first" ] || exit 0
export=$(echo "$first" | sed 's/.*-0*\([0-9]*\)-[0-9]*-[a-z]*\.csv$/\1/')
delivery=$directory/$account-$export
# of an account of that name elsewhere, or before: its files are not to go out again
[ ! -e "$delivery" ] || { echo "$0: $delivery is there already" >&2; rm -r "$waiting"; exit 1; }
mv "$waiting" "$delivery"

# Under another name first, so that the vendor never takes half a file.  What only a
# person can do, in the vendor's pages, is no file for the vendor.
for file in "$delivery"/*.csv; do
	name=${file##*/}
	case $name in
		*-manual.csv) echo "to be done by hand: $file" ;;
		*) printf 'put "%s" "%s.part"\nrename "%s.part" "%s"\n' "$file" "$name" "$name" "$name" ;;
	esac
done >"$delivery/orders"
grep '^to be done' "$delivery/orders" >&2 || true
sed -i '/^to be done/d' "$delivery/orders"
echo 'ls -l' >>"$delivery/orders"

sftp -b "$delivery/orders" "$@" "$destination" >"$delivery/receipt.part"
mv "$delivery/receipt.part" "$delivery/receipt"
echo "delivered; when the vendor is done: orgsync confirm $account $export"
