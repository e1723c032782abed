/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Zeros ahead of what is written to a journal file and a segment. A sync of bytes
 * that lie in them finds nothing new of the file itself to write, neither its size
 * nor where its blocks are.
 */
#include "internal.h"

#define AHEAD_MAX KIB(256)

/* As many as the file has already: one that grows little is not made twice as
 * large by them. */
enum err ahead_write(struct store *s, struct medium_file *f, uint64_t end,
	uint64_t reserved, uint64_t *ahead)
{
	static const uint8_t zeros[AHEAD_MAX];
	uint64_t n = end < AHEAD_MAX ? end : AHEAD_MAX;

	if (end <= *ahead || end >= reserved)
		return ERR_OK;
	if (n > reserved - end)
		n = reserved - end;
	*ahead = end + n;
	enum err e = s->m->write(f, end, zeros, (size_t)n);
	if (e == ERR_NOSPACE) /* of a file system that cannot reserve */
		return ERR_OK;
	if (e != ERR_OK)
		store_fail(s, e);
	return e;
}
