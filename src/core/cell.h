/*
 * cell.h
 *		What the cells of an org-sync file say.  Plain C: no server header.
 *
 * Any case, surrounding blanks trimmed (formats: accepted values).
 */
#ifndef ORGSYNC_CORE_CELL_H
#define ORGSYNC_CORE_CELL_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cell_value
{
	CELL_EMPTY,
	CELL_NO,					/* no, 0, false; inactive */
	CELL_YES,					/* yes, 1, true; active */
	CELL_INVALID
} cell_value;

extern size_t cell_blank_length(const char *text, size_t length);
extern void cell_trim(const char **cell, size_t *length);
extern cell_value cell_license_status(const char *cell, size_t length);
extern cell_value cell_group(const char *cell, size_t length);
extern cell_value cell_permission(const char *cell, size_t length);
extern cell_value cell_boolean(const char *cell, size_t length);
extern bool cell_is_user_id(const char *cell, size_t length);
extern bool cell_is_date(const char *cell, size_t length, const char **reason);
extern void cell_split_name(char *name, char **first_name, char **last_name);
extern bool cell_has_control_character(const char *cell, size_t length);

#endif
