/*
 * replay.c
 *		Runs a fuzzer's entry point once for each file that is named: for corpora
 *		and found inputs, without a fuzzer, under any sanitizer.
 */
#include "fuzz.h"

int
main(int argc, char **argv)
{
	int			i;

	for (i = 1; i < argc; i++)
	{
		FILE	   *file = fopen(argv[i], "rb");
		uint8_t    *data = NULL;
		size_t		size = 0;
		size_t		count;

		CHECK(file != NULL);
		do
		{
			data = fuzz_resize(NULL, data, size + 65536);
			count = fread(data + size, 1, 65536, file);
			size += count;
		} while (count > 0);
		CHECK(fclose(file) == 0);
		CHECK(LLVMFuzzerTestOneInput(data, size) == 0);
		free(data);
	}
	return 0;
}
