/*
 * output_file.h
 *		Files that are written whole or not at all.
 */
#ifndef ORGSYNC_CLIENT_OUTPUT_FILE_H
#define ORGSYNC_CLIENT_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct OutputFile OutputFile;

extern void output_directory_check(const char *directory);
extern void output_file_check(const char *path);
extern OutputFile *output_file_begin(const char *path, bool overwrite);
extern void output_file_write(OutputFile *file, const char *data, size_t length);
extern void output_file_close(OutputFile *file);
extern void output_files_finish(void);
extern void output_files_discard(void);

#endif
