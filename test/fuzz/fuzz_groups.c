/*
 * fuzz_groups.c
 *		Fuzzes the cell that limits a permission to groups.
 *
 * What must hold: a list that is one has names, all of them usable; and a list
 * that is written of them says the same.
 */
#include "fuzz.h"

#include "core/cell.h"
#include "core/group_list.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *cell = fuzz_copy(data, size);
	char	   *name = fuzz_copy(data, size);
	char	   *again = malloc(2 * size + 1);
	char	   *written = malloc(7 * size + 7);
	size_t		written_length = 0;
	group_list	list;
	group_list	written_list;
	size_t		length;
	size_t		again_length;
	int			names = 0;

	CHECK(again != NULL && written != NULL);
	if (group_list_classify(cell, size) == GROUP_LIST_GROUPS)
	{
		for (group_list_begin(&list, cell, size); group_list_next(&list, name, &length); names++)
		{
			CHECK(length > 0 && length <= size);
			CHECK(cell_blank_length(name, length) == 0);
			CHECK(!cell_has_control_character(name, length));
			memcpy(written + written_length, names > 0 ? " group:" : "group:", names > 0 ? 7 : 6);
			written_length += names > 0 ? 7 : 6;
			CHECK(written_length + length <= 7 * size + 7);
			memcpy(written + written_length, name, length);
			written_length += length;
		}
		CHECK(names > 0);
		CHECK(group_list_classify(written, written_length) == GROUP_LIST_GROUPS);
		group_list_begin(&list, cell, size);
		group_list_begin(&written_list, written, written_length);
		while (group_list_next(&list, name, &length))
		{
			CHECK(group_list_next(&written_list, again, &again_length));
			CHECK(length == again_length && memcmp(name, again, length) == 0);
		}
		CHECK(!group_list_next(&written_list, again, &again_length));
	}
	free(cell);
	free(name);
	free(again);
	free(written);
	return 0;
}
