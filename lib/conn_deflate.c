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
/* z_stream.data_type: at the end of a block that is not the last, and of a
 * byte. */
#define BLOCK_ENDED 128
#define FLUSH_END 0x0000ffff

struct deflate {
	z_stream in, out;
	bool writing;    /* `out` lives */
	uint64_t gated;  /* where the gate stands */
	struct buf left; /* compressed input that found no room */
	bool more;       /* the decompressor has output that found none */
	uint32_t last;   /* the last bytes of compressed input */
	bool at_flush;   /* nothing of the client's is half read */
	bool over;       /* a last block ended (RFC 1951 3.2.3, BFINAL) */
	bool plain;      /* conn_uncompress: from the flush on */
};

enum err conn_compress(struct conn *c)
{
	struct deflate *d = mem_new(struct deflate);

	if (!d)
		return ERR_NOMEM;
	deflate_free(c->deflate); /* of a user before */
	c->deflate = NULL;
	if (inflateInit2(&d->in, -MAX_WBITS) != Z_OK) {
		mem_free(d);
		return ERR_NOMEM;
	}
	buf_init(&d->left, PIECE);
	d->at_flush = true;
	c->deflate = d;
	/* The client waits for the answer before it sends more. */
	c->view = slice_of(NULL, 0);
	c->in_scratch = false;
	c->tell_input = false;
	return ERR_OK;
}

enum err conn_uncompress(struct conn *c)
{
	if (!c->deflate)
		return ERR_OK;
	TRY(deflate_flush(c));
	if (c->view.n || c->deflate->more)
		return ERR_SYNTAX;
	c->deflate->plain = true;
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

/* The last four bytes that the decompressor took, from `from` on. */
static void note_last(struct deflate *d, const unsigned char *from)
{
	const unsigned char *end = d->in.next_in;

	if (end - from > 4)
		from = end - 4;
	while (from < end)
		d->last = d->last << 8 | *from++;
}

/* To the end of a block at most. A flush is one without bytes, stored at a byte
 * boundary: it ends in 00 00 FF FF (RFC 1951 3.2.4), and a next one may not
 * come. */
static enum err step(struct deflate *d)
{
	const unsigned char *from = d->in.next_in;

	if (d->over)
		return ERR_SYNTAX;
	int z = inflate(&d->in, Z_BLOCK);
	if (z != Z_OK && z != Z_BUF_ERROR && z != Z_STREAM_END)
		return z == Z_MEM_ERROR ? ERR_NOMEM : ERR_SYNTAX;
	note_last(d, from);
	d->over = z == Z_STREAM_END;
	if (z != Z_BUF_ERROR) /* else it stands where it stood */
		d->at_flush = d->over || (d->in.data_type == BLOCK_ENDED &&
						 d->last == FLUSH_END);
	d->more = d->in.avail_out == 0;
	return keep_left(d);
}

/* Behind the flush: as it comes. */
static ssize_t plain_read(struct conn *c, void *p, size_t n, enum err *e)
{
	struct deflate *d = c->deflate;

	if (!d->left.n)
		return conn_read_raw(c, p, n, e);
	if (n > d->left.n)
		n = d->left.n;
	memcpy(p, d->left.p, n);
	buf_consume(&d->left, n);
	if (!d->left.n)
		buf_free(&d->left);
	return (ssize_t)n;
}

ssize_t deflate_read(struct conn *c, void *p, size_t n, enum err *e)
{
	static unsigned char fresh[PIECE];
	struct deflate *d = c->deflate;

	d->in.next_out = p;
	d->in.avail_out = (uInt)n;
	while (d->in.avail_out == n) {
		if (d->plain && d->at_flush)
			return plain_read(c, p, n, e);
		if (!refill(c, fresh, e))
			return -1;
		*e = step(d);
		/* What is still compressed should have come before. */
		if (*e == ERR_OK && d->plain && d->in.avail_out != n)
			*e = ERR_SYNTAX;
		/* The owner may end the layer here: first it sees what came
		 * before. */
		if (*e == ERR_OK && !d->plain && d->at_flush &&
			d->in.avail_out == n)
			*e = ERR_AGAIN;
		if (*e != ERR_OK)
			return -1;
	}
	return (ssize_t)(n - d->in.avail_out);
}

bool deflate_at_flush(const struct deflate *d)
{
	return d->at_flush;
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

	if (d->plain)
		return outq_add(&c->out, s);
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
