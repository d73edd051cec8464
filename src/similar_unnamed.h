/*
 * similar_unnamed.h
 *		Remembers which halves of local parts people without a name have.
 */
#ifndef ORGSYNC_SIMILAR_UNNAMED_H
#define ORGSYNC_SIMILAR_UNNAMED_H

#include "similar_probe.h"

extern bool similar_unnamed_any(SimilarProbe *probe);
extern bool similar_unnamed_known(SimilarProbe *probe);
extern bool similar_unnamed_nobody(void);
extern bool similar_unnamed_has(const similar_address *address, const similar_range *half);

#endif
