/*
 * upload.h
 *		Files on their way to the server.
 */
#ifndef ORGSYNC_CLIENT_UPLOAD_H
#define ORGSYNC_CLIENT_UPLOAD_H

#include <stddef.h>
#include <libpq-fe.h>

typedef struct Upload Upload;

extern Upload *upload_open(const char *path);
extern const char *upload_name(const char *path);
extern char *upload_large_object(PGconn *connection, Upload *upload);
extern char *upload_read_whole(const char *path, size_t *length);

#endif
