/*
 * upload.h
 *		Files on their way to the server.
 */
#ifndef ORGSYNC_CLIENT_UPLOAD_H
#define ORGSYNC_CLIENT_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <libpq-fe.h>

typedef struct Upload Upload;

/* A file that is on the server. */
typedef struct Uploaded
{
	char	   *object;			/* the large object's number; the caller frees it */
	bool		is_workbook;	/* of a spreadsheet (.xlsx), by its first bytes */
} Uploaded;

extern Upload *upload_open(const char *path);
extern const char *upload_name(const char *path);
extern Uploaded upload_large_object(PGconn *connection, Upload *upload);
extern char *upload_read_whole(const char *path, size_t *length);

#endif
