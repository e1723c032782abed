/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * DEFLATE on a connection (RFC 4978; RFC 1951). What the owner writes is
 * compressed into the output queue and flushed at the end of the turn, and
 * before the gate rises: so no byte leaves before what it tells of is durable.
 *
 * A compressor lives from the first write of a turn to its flush: the next one
 * begins with an empty window, at a byte boundary, which a decompressor does
 * not notice. So an idle connection holds the decompressor only: 40 KiB, since
 * the client may look back 32 KiB.
 */
#include <zlib.h>

#include <bastide/mem.h>

#include "conn_parts.h"

/* 64 KiB while it works. */
#define WINDOW_BITS 13
#define MEM_LEVEL 6
#define LEVEL 3
#define PIECE KIB(16)

struct deflate {
	z_stream in, out;
	bool writing;    /* `out` lives */
	uint64_t gated;  /* where the gate stands */
	struct buf left; /* compressed input that found no room */
	bool more;       /* the decompressor has output that found none */
};

enum err conn_compress(struct conn *c)
{
	struct deflate *d = mem_new(struct deflate);

	if (!d)
		return ERR_NOMEM;
	if (inflateInit2(&d->in, -MAX_WBITS) != Z_OK) {
		mem_free(d);
		return ERR_NOMEM;
	}
	buf_init(&d->left, PIECE);
	c->deflate = d;
	/* The client waits for the answer before it sends more. */
	c->view = slice_of(NULL, 0);
	c->in_scratch = false;
	c->tell_input = false;
	return ERR_OK;
}

void deflate_free(struct deflate *d)
{
	if (!d)
		return;
	if (d->writing)
		deflateEnd(&d->out);
	inflateEnd(&d->in);
	buf_wipe(&d->left);
	mem_free(d);
}

/* --- input --------------------------------------------------------------------- */

/* Some bytes at d->in.next_in: those that were left, or new ones in `fresh`. */
static bool refill(struct conn *c, unsigned char *fresh, enum err *e)
{
	struct deflate *d = c->deflate;

	if (d->left.n) {
		d->in.next_in = (unsigned char *)d->left.p;
		d->in.avail_in = (uInt)d->left.n;
		return true;
	}
	d->in.next_in = fresh;
	d->in.avail_in = 0;
	if (d->more)
		return true;
	ssize_t got = conn_read_raw(c, fresh, PIECE, e);
	if (got <= 0)
		return false;
	d->in.avail_in = (uInt)got;
	return true;
}

static enum err keep_left(struct deflate *d)
{
	size_t n = d->in.avail_in;

	if (d->left.n) {
		buf_consume(&d->left, d->left.n - n);
		if (n == 0)
			buf_free(&d->left);
		return ERR_OK;
	}
	return n ? buf_add(&d->left, d->in.next_in, n) : ERR_OK;
}

ssize_t deflate_read(struct conn *c, void *p, size_t n, enum err *e)
{
	static unsigned char fresh[PIECE];
	struct deflate *d = c->deflate;

	d->in.next_out = p;
	d->in.avail_out = (uInt)n;
	while (d->in.avail_out == n) {
		if (!refill(c, fresh, e))
			return -1;
		int z = inflate(&d->in, Z_SYNC_FLUSH);
		if (z != Z_OK && z != Z_BUF_ERROR) {
			*e = z == Z_MEM_ERROR ? ERR_NOMEM : ERR_SYNTAX;
			return -1;
		}
		d->more = d->in.avail_out == 0;
		*e = keep_left(d);
		if (*e != ERR_OK)
			return -1;
	}
	return (ssize_t)(n - d->in.avail_out);
}

bool deflate_has_more(const struct deflate *d)
{
	return d->left.n || d->more;
}

/* --- output -------------------------------------------------------------------- */

static enum err run(struct conn *c, struct slice s, int flush)
{
	struct deflate *d = c->deflate;
	unsigned char piece[KIB(4)];

	d->out.next_in = (unsigned char *)(uintptr_t)s.p;
	d->out.avail_in = (uInt)s.n;
	do {
		d->out.next_out = piece;
		d->out.avail_out = sizeof(piece);
		(void)deflate(&d->out, flush);
		size_t n = sizeof(piece) - d->out.avail_out;
		if (n)
			TRY(outq_add(&c->out, slice_of(piece, n)));
	} while (d->out.avail_out == 0);
	return ERR_OK;
}

enum err deflate_write(struct conn *c, struct slice s)
{
	struct deflate *d = c->deflate;

	if (!d->writing) {
		d->out = (z_stream){ 0 };
		if (deflateInit2(&d->out, LEVEL, Z_DEFLATED, -WINDOW_BITS,
			    MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
			return ERR_NOMEM;
		d->writing = true;
	}
	return run(c, s, Z_NO_FLUSH);
}

enum err deflate_flush(struct conn *c)
{
	struct deflate *d = c->deflate;

	if (!d->writing)
		return ERR_OK;
	enum err e = run(c, slice_of(NULL, 0), Z_SYNC_FLUSH);
	deflateEnd(&d->out);
	d->writing = false;
	return e;
}

enum err deflate_gate(struct conn *c, uint64_t commit)
{
	struct deflate *d = c->deflate;

	if (commit <= d->gated)
		return ERR_OK;
	d->gated = commit;
	return deflate_flush(c);
}
