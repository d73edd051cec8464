/*
 * read_csv.c
 *		orgsync.read_csv: the records of a CSV file as rows.
 *
 * The rows go to a tuplestore, which spills to disk beyond work_mem, so that a
 * file of any number of records is read in bounded memory.  Each record's array
 * is built in one buffer that is used again for the next record; only text that
 * has to be converted to the database's encoding is allocated besides, in a
 * context that is reset after each record.
 *
 * There is no account here, so the header is known by what any product has, and no
 * table of findings, so a fault of the file is an ERROR.
 */
#include "orgsync.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/csv_dialect.h"
#include "core/csv_reader.h"
#include "csv_source.h"
#include "utils/tuplestore.h"

/* The most bytes by which an element of a text array exceeds its text, with what is zeroed behind it. */
#define ELEMENT_OVERHEAD	(VARHDRSZ + 2 * ALIGNOF_INT)

/* Short fields are copied with so many bytes, whatever stands behind them. */
#define COPY_SIZE			CSV_FIELD_SLACK

PG_FUNCTION_INFO_V1(orgsync_read_csv_bytea);
PG_FUNCTION_INFO_V1(orgsync_read_csv_text);

/* The delimiter that the caller names.  It must not mean anything else. */
static char
delimiter_from_argument(text *argument)
{
	const char *delimiter = VARDATA_ANY(argument);

	if (VARSIZE_ANY_EXHDR(argument) != 1 || IS_HIGHBIT_SET(delimiter[0]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("CSV delimiter must be a single one-byte character")));
	if (strchr("\"\r\n", delimiter[0]) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("CSV delimiter cannot be a quote, newline or carriage return")));
	return delimiter[0];
}

/* Raises the error for a file's fault.  Never returns. */
static void
raise_fault(const csv_fault *fault, char delimiter, csv_encoding encoding)
{
	static const char *const encoding_names[] = {
		[CSV_ENCODING_UTF8] = "UTF-8",
		[CSV_ENCODING_UTF16LE] = "UTF-16",
		[CSV_ENCODING_UTF16BE] = "UTF-16",
		[CSV_ENCODING_WIN1252] = "UTF-8 or Windows-1252"
	};
	long long	line = (long long) fault->line;
	long long	fault_line = (long long) fault->fault_line;
	long long	offset = (long long) fault->offset;

	switch (fault->code)
	{
		case CSV_FAULT_UNTERMINATED_QUOTE:
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("unterminated CSV quoted field"),
					 errdetail("The quote on line %lld, at byte offset %lld, is not closed by the end of the data or within %d kB; the record begins on line %lld.",
							   fault_line, offset, orgsync_max_record_size, line),
					 errhint("Close the field with a quote, and double each quote inside of it. If the record is meant to be that long, raise \"%s\".",
							 "orgsync.max_record_size")));
			break;
		case CSV_FAULT_TEXT_AFTER_QUOTE:
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("text after the closing quote of a CSV field"),
					 errdetail("The text is on line %lld, at byte offset %lld; the record begins on line %lld.",
							   fault_line, offset, line),
					 errhint("Double each quote inside a quoted field. The delimiter is taken to be \"%s\"; perhaps it is another.",
							 delimiter == '\t' ? "\\t" : psprintf("%c", delimiter))));
			break;
		case CSV_FAULT_NUL_BYTE:
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("NUL byte in CSV"),
					 errdetail("The byte is on line %lld, at byte offset %lld.",
							   fault_line, offset),
					 errhint("Perhaps this is no CSV file, but a spreadsheet's own: save it as CSV UTF-8.")));
			break;
		case CSV_FAULT_NOT_UTF8:
			ereport(ERROR,
					(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
					 errmsg("CSV is not valid %s", encoding_names[encoding]),
					 errdetail("The first invalid byte is on line %lld, at byte offset %lld.",
							   fault_line, offset),
					 errhint("Save the file as UTF-8, or convert it with convert().")));
			break;
		case CSV_FAULT_RECORD_TOO_LONG:
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("CSV record is too long"),
					 errdetail("The record that begins on line %lld, at byte offset %lld, is longer than %d kB.",
							   line, offset, orgsync_max_record_size),
					 errhint("Perhaps the file is no CSV. If the record is meant to be that long, raise \"%s\".",
							 "orgsync.max_record_size")));
			break;
		case CSV_FAULT_GZIP:
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("the data is no CSV, but compressed (gzip)"),
					 errhint("Unpack it, with gunzip say, and read what is inside.")));
			break;
		case CSV_FAULT_ZIP:
		case CSV_FAULT_OLD_WORKBOOK:
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("the data is no CSV, but a spreadsheet or a zip archive"),
					 errhint("Open it in a spreadsheet program and save it as CSV UTF-8.")));
			break;
		case CSV_FAULT_NONE:
			break;
	}
	elog(ERROR, "unexpected CSV fault: %d", (int) fault->code);
}

/*
 * Makes a text array of a record's fields, laid out as construct_array() would,
 * in a buffer that grows as needed.  It is valid until the next call.
 */
static ArrayType *
build_fields_array(StringInfo buffer, const csv_record *record, bool must_convert)
{
	ArrayType  *array;
	int			i;

	resetStringInfo(buffer);
	enlargeStringInfo(buffer, ARR_OVERHEAD_NONULLS(1) + COPY_SIZE);
	buffer->len = ARR_OVERHEAD_NONULLS(1);

	for (i = 0; i < record->field_count; i++)
	{
		const char *data = record->fields[i].data;
		size_t		length = record->fields[i].length;
		char	   *element;

		if (must_convert && length > 0)
		{
			const char *converted = pg_any_to_server(data, (int) length, PG_UTF8);

			if (converted != data)
			{
				data = converted;
				length = strlen(converted);
			}
		}

		if (length + ELEMENT_OVERHEAD + COPY_SIZE >= (size_t) (buffer->maxlen - buffer->len))
			enlargeStringInfo(buffer, (int) (length + ELEMENT_OVERHEAD + COPY_SIZE));
		element = buffer->data + buffer->len;
		SET_VARSIZE(element, VARHDRSZ + length);
		/* a copy of constant size is no call; converted text has nothing behind it */
		if (length <= COPY_SIZE && !must_convert)
			memcpy(VARDATA(element), data, COPY_SIZE);
		else
			memcpy(VARDATA(element), data, length);

		/* the next element is aligned, and the gap must be zero */
		memset(element + VARHDRSZ + length, 0, ALIGNOF_INT);
		buffer->len += (int) INTALIGN(VARHDRSZ + length);
	}

	array = (ArrayType *) buffer->data;
	SET_VARSIZE(array, buffer->len);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = TEXTOID;
	ARR_DIMS(array)[0] = record->field_count;
	ARR_LBOUND(array)[0] = 1;
	return array;
}

/*
 * Reads all records of a source into the function's result, titles above the
 * header too.  The delimiter is the function's second argument, or found out if
 * that is NULL.
 */
static void
read_records(FunctionCallInfo fcinfo, csv_memory_source *source)
{
	ReturnSetInfo *result_info = (ReturnSetInfo *) fcinfo->resultinfo;
	csv_allocator allocator = csv_allocator_in(CurrentMemoryContext);
	MemoryContext record_context = AllocSetContextCreate(CurrentMemoryContext, "CSV record",
														 ALLOCSET_DEFAULT_SIZES);
	bool		must_convert = (GetDatabaseEncoding() != PG_UTF8 &&
								GetDatabaseEncoding() != PG_SQL_ASCII);
	char		delimiter = '\0';
	csv_reader *reader;
	csv_record	record;
	csv_fault	fault;
	csv_result	result;
	StringInfoData array_buffer;

	if (!PG_ARGISNULL(1))
		delimiter = delimiter_from_argument(PG_GETARG_TEXT_PP(1));

	reader = csv_reader_open(&allocator, csv_memory_source_read, source, ',',
							 (size_t) orgsync_max_record_size * 1024);
	delimiter = csv_dialect_begin(reader, &allocator, delimiter, csv_header_rank_for_any,
								  NULL).delimiter;

	initStringInfo(&array_buffer);
	while ((result = csv_reader_next(reader, &record, &fault)) == CSV_RECORD)
	{
		MemoryContext old_context = MemoryContextSwitchTo(record_context);
		Datum		values[2];
		bool		nulls[2] = {false, false};

		values[0] = Int64GetDatum(record.line);
		values[1] = PointerGetDatum(build_fields_array(&array_buffer, &record, must_convert));
		tuplestore_putvalues(result_info->setResult, result_info->setDesc, values, nulls);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(record_context);
	}
	if (result == CSV_FAULT)
		raise_fault(&fault, delimiter, csv_reader_encoding(reader));

	csv_reader_close(reader);
	MemoryContextDelete(record_context);
	pfree(array_buffer.data);
}

/* read_csv(csv bytea, delimiter text): bytes, whose encoding is found out. */
Datum
orgsync_read_csv_bytea(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(0))
	{
		bytea	   *csv = PG_GETARG_BYTEA_PP(0);
		csv_memory_source source;

		csv_memory_source_open(&source, VARDATA_ANY(csv), VARSIZE_ANY_EXHDR(csv));
		read_records(fcinfo, &source);
	}
	return (Datum) 0;
}

/* read_csv(csv text, delimiter text): text in the database's encoding. */
Datum
orgsync_read_csv_text(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(0))
	{
		text	   *csv = PG_GETARG_TEXT_PP(0);
		csv_memory_source source;

		csv_memory_source_open_text(&source, VARDATA_ANY(csv), VARSIZE_ANY_EXHDR(csv));
		read_records(fcinfo, &source);
	}
	return (Datum) 0;
}
