/*
 * export_plan.h
 *		What the files that plan an export share; nobody else includes this.
 */
#ifndef ORGSYNC_EXPORT_PLAN_H
#define ORGSYNC_EXPORT_PLAN_H

#include "export.h"

/* How a new address or a new id is written. */
typedef enum RenameForm
{
	RENAME_ALONE,				/* by the id, else by the existing address */
	RENAME_BY_ID,
	RENAME_BY_ID_WITH_NEW_ID,	/* the new id may be the one that there is */
	RENAME_BY_ADDRESS			/* and a new id in a row of its own */
} RenameForm;

typedef struct PlannedPerson
{
	DiffPerson	person;
	bool		email_blocked;	/* somebody has the address at the vendor's and keeps it */
	bool		id_blocked;
	RenameForm	form;
	int			unit;			/* the place of the rename rows, if others depend on it; see export_rows.c */
} PlannedPerson;

/* ---- export_plan.c ---- */
extern void export_plan_person(ExportPlan *plan, const PlannedPerson *planned);
extern bool export_plan_renames(const ExportPlan *plan, const PlannedPerson *planned, DiffPlace place);

/* ---- export_links.c ---- */
extern PlannedPerson *export_link_person(const DiffPerson *person);
extern void export_plan_linked(ExportPlan *plan, List *all_linked);

/* ---- export_threshold.c ---- */
extern void export_threshold_count(ExportPlan *plan, const DiffPerson *person);

#endif
