#!/bin/bash
#
# sync.sh ACCOUNT FILE DIRECTORY: imports a file and writes the files to upload.
#
# Needs psql alone, with the connection of its environment: PGHOST, PGUSER, ...
# The file may have any size: psql sends it as a large object.

set -euo pipefail
[ $# = 3 ] || { echo "usage: $0 ACCOUNT FILE DIRECTORY" >&2; exit 64; }
account=$1
file=$2
directory=$3

# Hands a file to the vendor: put your delivery here.
upload()
{
	echo "upload ${1##*/}"
}

# Runs SQL from standard input, in which :'account' and the like are arguments.
# psql ends its output with a line feed of its own.
query()
{
	psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --set=account="$account" "$@"
}

imported=$(query --set=file="$file" --set=source="${file##*/}" <<'END'
BEGIN;
\lo_import :file
\set object :LASTOID
SELECT import_id, state, rows_read, rejected FROM orgsync.import_large_object(:'account', :object, source => :'source');
SELECT lo_unlink(:object) \g /dev/null
COMMIT;
END
)
IFS='|' read -r import_id state rows_read rejected <<<"$imported"
echo "import $import_id: $state, $rows_read rows, $rejected rejected"

query --set=import_id="$import_id" <<'END'
SELECT format('line %s: %s %s: %s', line, severity, code, message) FROM :account.import_findings
WHERE import_id = :import_id ORDER BY line, finding_id;
END
if [ "$rejected" -gt 0 ]; then
	query --set=import_id="$import_id" <<-'END' | head --bytes=-1 >"$directory/rejected.csv"
		SELECT orgsync.results_csv(:'account', :import_id);
	END
fi
[ "$state" = applied ] || exit 2

export_id=$(query <<'END'
SELECT max(export_id) FROM orgsync.export_csv(:'account');
END
)
[ -n "$export_id" ] || exit 0
names=$(query --set=export_id="$export_id" <<'END'
SELECT seq || ' ' || file_name FROM :account.export_files WHERE export_id = :export_id ORDER BY seq;
END
)
while read -r seq name; do			# in the order in which to upload them
	query --set=export_id="$export_id" --set=seq="$seq" <<-'END' | head --bytes=-1 >"$directory/$name"
		SELECT csv FROM :account.export_files WHERE export_id = :export_id AND seq = :seq;
	END
	upload "$directory/$name"
done <<<"$names"
query --set=export_id="$export_id" <<'END'
SELECT orgsync.confirm_export(:'account', :export_id) \g /dev/null
END
echo "export $export_id: confirmed"
