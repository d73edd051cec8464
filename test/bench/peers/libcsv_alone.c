/*
 * libcsv_alone.c
 *		Reads a file with libcsv, 64 KiB at a time, and does nothing with the fields.
 */
#include <csv.h>
#include <stdio.h>

static long fields;
static long records;

static void
take_field(void *text, size_t length, void *unused)
{
	(void) text;
	(void) length;
	(void) unused;
	fields++;
}

static void
take_record(int end, void *unused)
{
	(void) end;
	(void) unused;
	records++;
}

int
main(int argc, char **argv)
{
	static char buffer[65536];
	struct csv_parser parser;
	size_t		count;
	FILE	   *file = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (file == NULL || csv_init(&parser, CSV_STRICT) != 0)
		return 1;
	setvbuf(file, NULL, _IONBF, 0);
	while ((count = fread(buffer, 1, sizeof(buffer), file)) > 0)
		if (csv_parse(&parser, buffer, count, take_field, take_record, NULL) != count)
			return 1;
	csv_fini(&parser, take_field, take_record, NULL);
	printf("%ld records, %ld fields\n", records, fields);
	return 0;
}
