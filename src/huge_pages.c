/*
 * huge_pages.c
 *		Memory that is read all over.
 *
 * A table that is read at random places is slow twice: the place is in no cache, and
 * neither is the entry of the page table that says where the page lies.  If the system
 * has huge pages for who asks for them (see "Transparent Hugepage Support" of Linux), a
 * table of 100 MB has 50 pages rather than 25,000.
 */
#include "huge_pages.h"

#include <sys/mman.h>

#include "utils/memutils.h"

#define LINE_SIZE		64
#define HUGE_PAGE		((Size) 2 * 1024 * 1024)

/*
 * Memory that begins with a line of the processor's cache; in huge pages if it is large
 * and the system has them.  To be freed with its context, or by huge_pages_free().
 */
void *
huge_pages_alloc(MemoryContext context, Size size, bool zeroed)
{
	Size		alignment = size >= HUGE_PAGE ? HUGE_PAGE : LINE_SIZE;
	char	   *start = MemoryContextAllocHuge(context, sizeof(void *) + alignment + size);
	void	  **memory = (void **) TYPEALIGN(alignment, start + sizeof(void *));

	memory[-1] = start;
#ifdef MADV_HUGEPAGE
	if (size >= HUGE_PAGE)
		(void) madvise(memory, size, MADV_HUGEPAGE);
#endif
	return zeroed ? memset(memory, 0, size) : memory;
}

void
huge_pages_free(void *memory)
{
	pfree(((void **) memory)[-1]);
}
