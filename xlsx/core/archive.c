/*
 * archive.c
 *		The parts of a workbook: files in a zip archive.
 *
 * libzip unpacks; here are the bounds that it does not have.
 *
 *	- It keeps the whole directory in memory, so the number of parts and the
 *	  directory's size are looked up before it opens the archive.
 *	- Whatever the directory says, no more comes out than MAX_EXPANSION times what
 *	  came in (a real sheet shrinks to a tenth, deflate can do a thousandth).  What
 *	  shared strings are expanded to counts too, see xlsx_archive_allow().
 *	- Only what spreadsheets use is unpacked: other methods want memory by the
 *	  gigabyte if the archive says so.
 *	- A name that stands there twice is no name: readers differ in which they take.
 *
 * libzip compares a part's checksum when it is read to its end, which callers do.
 */
#include "archive.h"

#include <string.h>
#include <strings.h>

#include <zip.h>

#define MAX_EXPANSION		100
#define LEAST_ALLOWANCE		((uint64_t) 64 * 1024 * 1024)

#define MAX_PART_COUNT		10000
#define MAX_DIRECTORY_SIZE	(4 * 1024 * 1024)

/* The end record of the directory, in which a comment of up to 64 kB may follow. */
#define END_SIZE			22
#define END64_LOCATOR_SIZE	20
#define END64_SIZE			56
#define MAX_COMMENT_SIZE	65535

/* The number of size bytes at data, the lowest first. */
static uint64_t
number_at(const unsigned char *data, int size)
{
	uint64_t	number = 0;

	while (size-- > 0)
		number = number << 8 | data[size];
	return number;
}

/* Is the sequence of bytes somewhere in the data? */
static bool
contains(const unsigned char *data, size_t size, const char *bytes, size_t length)
{
	size_t		i;

	for (i = 0; i + length <= size; i++)
		if (data[i] == (unsigned char) bytes[0] && memcmp(data + i, bytes, length) == 0)
			return true;
	return false;
}

/* What the data is if it is no zip archive; sets the fault. */
static bool
refuse_other_format(const unsigned char *data, size_t size, xlsx_fault *fault)
{
	static const unsigned char compound_file[] = {0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1};

	if (size >= sizeof(compound_file) && memcmp(data, compound_file, sizeof(compound_file)) == 0)
	{
		/* a workbook with a password lies in the container of the old format */
		static const char package[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

		if (contains(data, size, package, sizeof(package)))
			return xlsx_fault_set(fault, XLSX_FAULT_ENCRYPTED, "it can only be opened with a password");
		return xlsx_fault_set(fault, XLSX_FAULT_OLD_WORKBOOK, "it is no zip archive");
	}
	if (size == 0)
		return xlsx_fault_set(fault, XLSX_FAULT_NO_ARCHIVE, "it is empty");
	return xlsx_fault_set(fault, XLSX_FAULT_NO_ARCHIVE, "it does not begin like a zip archive");
}

/* Is the directory small enough, in all places where libzip may look for its end? */
static bool
check_directory(const unsigned char *data, size_t size, xlsx_fault *fault)
{
	size_t		first = size > END_SIZE + MAX_COMMENT_SIZE ? size - END_SIZE - MAX_COMMENT_SIZE : 0;
	size_t		i;

	for (i = first; i + END_SIZE <= size; i++)
	{
		uint64_t	count;
		uint64_t	length;

		if (memcmp(data + i, "PK\5\6", 4) != 0)
			continue;
		count = number_at(data + i + 10, 2);
		length = number_at(data + i + 12, 4);
		if (i >= END64_LOCATOR_SIZE && memcmp(data + i - END64_LOCATOR_SIZE, "PK\6\7", 4) == 0)
		{
			uint64_t	end64 = number_at(data + i - END64_LOCATOR_SIZE + 8, 8);

			if (end64 > size || size - end64 < END64_SIZE)
				return xlsx_fault_set(fault, XLSX_FAULT_BROKEN_ARCHIVE, "its directory is out of place");
			count = number_at(data + end64 + 32, 8);
			length = number_at(data + end64 + 40, 8);
		}
		if (count > MAX_PART_COUNT || length > MAX_DIRECTORY_SIZE)
			return xlsx_fault_set(fault, XLSX_FAULT_TOO_LARGE, "it is said to have %llu parts",
								  (unsigned long long) count);
	}
	return true;
}

/*
 * Opens an archive in memory, which stays the caller's and must last.  False: see
 * *fault, which is used by all further calls.  To be closed in any case.
 */
bool
xlsx_archive_open(xlsx_archive *archive, const void *data, size_t size, xlsx_fault *fault)
{
	zip_error_t error;
	zip_source_t *source;

	archive->zip = NULL;
	archive->fault = fault;
	archive->allowance = (uint64_t) size * MAX_EXPANSION;
	if (archive->allowance < LEAST_ALLOWANCE)
		archive->allowance = LEAST_ALLOWANCE;
	if (size < 4 || memcmp(data, "PK\3\4", 4) != 0)
		return refuse_other_format(data, size, fault);
	if (!check_directory(data, size, fault))
		return false;

	zip_error_init(&error);
	source = zip_source_buffer_create(data, size, 0, &error);
	if (source != NULL)
	{
		archive->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
		if (archive->zip == NULL)
			zip_source_free(source);
	}
	if (archive->zip == NULL)
		(void) xlsx_fault_set(fault, zip_error_code_zip(&error) == ZIP_ER_MEMORY ? XLSX_FAULT_NO_MEMORY :
							  XLSX_FAULT_BROKEN_ARCHIVE, "its zip archive cannot be opened: %s",
							  zip_error_strerror(&error));
	zip_error_fini(&error);
	return archive->zip != NULL;
}

/* The index of the part of that name, -1 if there is none; *count: how many there are. */
static int64_t
find_part(xlsx_archive *archive, const char *name, int *count)
{
	int64_t		part_count = zip_get_num_entries(archive->zip, 0);
	int64_t		found = -1;
	int64_t		i;

	*count = 0;
	for (i = 0; i < part_count; i++)
	{
		const char *other = zip_get_name(archive->zip, (zip_uint64_t) i, ZIP_FL_ENC_RAW);

		if (other != NULL && strcasecmp(other[0] == '/' ? other + 1 : other, name) == 0 && (*count)++ == 0)
			found = i;
	}
	return found;
}

/* Is there a part of that name? */
bool
xlsx_archive_has(xlsx_archive *archive, const char *name)
{
	int			count;

	return find_part(archive, name, &count) >= 0;
}

/* Takes so many bytes off what may come out of the archive; false and a fault if there are no more. */
bool
xlsx_archive_allow(xlsx_archive *archive, uint64_t size)
{
	if (size > archive->allowance)
		return xlsx_fault_set(archive->fault, XLSX_FAULT_TOO_LARGE,
							  "it expands to more than %d times its size", MAX_EXPANSION);
	archive->allowance -= size;
	return true;
}

/* Frees what libzip has; does no harm after a failure or twice. */
void
xlsx_archive_close(xlsx_archive *archive)
{
	if (archive->zip != NULL)
		zip_discard(archive->zip);
	archive->zip = NULL;
}

/*
 * Opens a part; the name must last, and has no slash in front.  False: see the
 * archive's fault.  To be closed in any case.
 */
bool
xlsx_part_open(xlsx_part *part, xlsx_archive *archive, const char *name)
{
	xlsx_fault *fault = archive->fault;
	int			count;
	int64_t		index = find_part(archive, name, &count);
	zip_stat_t	stat;

	part->archive = archive;
	part->name = name;
	part->file = NULL;
	if (count == 0)
		return xlsx_fault_set(fault, XLSX_FAULT_BROKEN_ARCHIVE, "its part %s is missing", name);
	if (count > 1)
		return xlsx_fault_set(fault, XLSX_FAULT_BROKEN_ARCHIVE, "its part %s is there twice", name);
	zip_stat_init(&stat);
	if (zip_stat_index(archive->zip, (zip_uint64_t) index, 0, &stat) != 0)
		return xlsx_fault_set(fault, XLSX_FAULT_BROKEN_ARCHIVE, "its part %s cannot be found: %s", name,
							  zip_strerror(archive->zip));
	if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
		return xlsx_fault_set(fault, XLSX_FAULT_ENCRYPTED, "its part %s is encrypted", name);
	if ((stat.valid & ZIP_STAT_COMP_METHOD) == 0 ||
		(stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE))
		return xlsx_fault_set(fault, XLSX_FAULT_BROKEN_ARCHIVE,
							  "its part %s is compressed as in no workbook", name);
	part->file = zip_fopen_index(archive->zip, (zip_uint64_t) index, 0);
	if (part->file == NULL)
		return xlsx_fault_set(fault, XLSX_FAULT_BROKEN_ARCHIVE, "its part %s cannot be opened: %s", name,
							  zip_strerror(archive->zip));
	return true;
}

/* Reads on; 0 is the end, -1 a fault. */
long
xlsx_part_read(xlsx_part *part, void *buffer, size_t size)
{
	zip_int64_t length = zip_fread(part->file, buffer, size);

	if (length < 0)
	{
		(void) xlsx_fault_set(part->archive->fault, XLSX_FAULT_BROKEN_ARCHIVE,
							  "its part %s cannot be unpacked: %s", part->name, zip_file_strerror(part->file));
		return -1;
	}
	if (!xlsx_archive_allow(part->archive, (uint64_t) length))
		return -1;
	return (long) length;
}

/* Does no harm after a failure or twice. */
void
xlsx_part_close(xlsx_part *part)
{
	if (part->file != NULL)
		(void) zip_fclose(part->file);
	part->file = NULL;
}
