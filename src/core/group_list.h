/*
 * group_list.h
 *		The cell that limits a permission to groups.  Plain C: no server header.
 */
#ifndef ORGSYNC_CORE_GROUP_LIST_H
#define ORGSYNC_CORE_GROUP_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef enum group_list_kind
{
	GROUP_LIST_EMPTY,
	GROUP_LIST_NO,
	GROUP_LIST_YES,
	GROUP_LIST_GROUPS,
	GROUP_LIST_INVALID
} group_list_kind;

/* Walks the names of a list; see group_list_next(). */
typedef struct group_list
{
	const char *next;
	const char *end;
} group_list;

extern group_list_kind group_list_classify(const char *cell, size_t length);
extern void group_list_begin(group_list *list, const char *cell, size_t length);
extern bool group_list_next(group_list *list, char *name, size_t *name_length);

#endif
