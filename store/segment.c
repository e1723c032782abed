/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bodies in append-only files, one written at a time for all accounts. Chunks
 * of 64 KiB are sealed under a key of account and segment, with their place as
 * nonce: a place is written once, and the file's random salt makes the key new
 * even when a crash took a file and its number comes again. Several writers
 * share the file; each takes places in runs, so that a body is few pieces.
 *
 * Files are kept open while somebody writes to them or they wait for a sync,
 * and a few more for reading.
 */
#include <assert.h>
#include <stdio.h>

#include "aad.h"
#include "internal.h"
#include "segref.h"

#define MAGIC "bst.segm"
#define VERSION 1
#define HEAD 512
#define RESERVE_STEP MIB(1)
#define TAIL_MAX KIB(512)
#define FILES_OPEN 16
/* Chunks that a writer takes at once, at most: 4 MiB, or 16 MiB when the
 * length was announced. */
#define RUN_MAX 64
#define RUN_KNOWN_MAX 256

void segment_name(char out[STORE_NAME], uint64_t number)
{
	snprintf(out, STORE_NAME, "seg-%016llx", (unsigned long long)number);
}

/* --- files ------------------------------------------------------------------------------ */

static void close_file(struct store *s, struct segment_file *f)
{
	struct segment_file **at = &s->seg.open;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	s->seg.n_open--;
	s->m->close(f->file);
	mem_free(f);
}

static bool idle(const struct store *s, const struct segment_file *f)
{
	return f != s->seg.current && !f->users && !f->dirty && !f->syncing;
}

static void close_idle(struct store *s)
{
	while (s->seg.n_open >= FILES_OPEN) {
		struct segment_file *oldest = NULL;
		for (struct segment_file *f = s->seg.open; f; f = f->next)
			if (idle(s, f) && (!oldest || f->used < oldest->used))
				oldest = f;
		if (!oldest)
			return;
		close_file(s, oldest);
	}
}

static struct segment_file *add_file(
	struct store *s, uint64_t number, struct medium_file *file)
{
	struct segment_file *f = mem_new(struct segment_file);

	if (!f)
		return NULL;
	f->number = number;
	f->file = file;
	f->used = ++s->seg.clock;
	f->next = s->seg.open;
	s->seg.open = f;
	s->seg.n_open++;
	return f;
}

static void make_head(
	struct store *s, const struct segment_file *f, uint8_t raw[HEAD])
{
	memset(raw, 0, HEAD);
	memcpy(raw, MAGIC, 8);
	put_be32(raw + 8, VERSION);
	memcpy(raw + 12, s->o.tenant.b, 16);
	put_be64(raw + 28, f->number);
	memcpy(raw + 36, f->salt, 32);
}

/* Nothing here is secret, and a change makes another key: the chunks' tags
 * protect it. */
static enum err parse_head(
	struct store *s, struct segment_file *f, struct slice raw)
{
	if (raw.n < HEAD || memcmp(raw.p, MAGIC, 8) != 0)
		return ERR_CORRUPT;
	if (get_be32(raw.p + 8) > VERSION)
		return ERR_VERSION;
	if (get_be32(raw.p + 8) != VERSION ||
		memcmp(raw.p + 12, s->o.tenant.b, 16) != 0 ||
		get_be64(raw.p + 28) != f->number)
		return ERR_CORRUPT;
	memcpy(f->salt, raw.p + 36, 32);
	return ERR_OK;
}

static enum err open_file(
	struct store *s, uint64_t number, struct segment_file **out)
{
	struct segment_file *f = s->seg.open;
	char name[STORE_NAME];
	uint8_t raw[HEAD];
	struct medium_file *file;
	size_t got;

	while (f && f->number != number)
		f = f->next;
	if (f) {
		f->used = ++s->seg.clock;
		*out = f;
		return ERR_OK;
	}
	close_idle(s);
	segment_name(name, number);
	enum err e = s->m->open(s->m, name, false, &file);
	if (e == ERR_NOTFOUND)
		e = ERR_CORRUPT; /* a reference says that it exists */
	TRY(e);
	f = add_file(s, number, file);
	if (!f) {
		s->m->close(file);
		return ERR_NOMEM;
	}
	e = s->m->read(file, 0, raw, sizeof(raw), &got);
	if (e == ERR_OK)
		e = parse_head(s, f, slice_of(raw, got));
	if (e != ERR_OK) {
		close_file(s, f);
		return e;
	}
	*out = f;
	return ERR_OK;
}

/* --- writing to the current file ------------------------------------------------------------ */

/* After a write that failed nobody knows what lies there: the store ends, also
 * when it was a reader who asked for the flush. */
static enum err write_at(struct store *s, struct segment_file *f, uint64_t at,
	const void *p, size_t n)
{
	f->dirty = true;
	enum err e = s->m->write(f->file, at, p, n);
	if (e != ERR_OK && e != ERR_NOSPACE)
		store_fail(s, e);
	return e;
}

enum err segment_flush(struct store *s)
{
	struct segments *g = &s->seg;

	if (g->tail.n == 0)
		return ERR_OK;
	assert(g->current);
	TRY(write_at(s, g->current, g->tail_at, g->tail.p, g->tail.n));
	g->tail_at += g->tail.n;
	buf_reset(&g->tail);
	/* Behind all places that were given away, written yet or not. */
	return ahead_write(s, g->current->file, g->end, g->reserved, &g->ahead);
}

/* Small bodies are gathered and written with the turn's records. */
static enum err put(struct store *s, struct segment_file *f, uint64_t at,
	const void *p, size_t n)
{
	struct segments *g = &s->seg;

	if (f == g->current && g->tail.n == 0)
		g->tail_at = at;
	if (f == g->current && at == g->tail_at + g->tail.n) {
		if (g->tail.n + n > TAIL_MAX)
			TRY(segment_flush(s));
		return buf_add(&g->tail, p, n);
	}
	return write_at(s, f, at, p, n);
}

static enum err new_file(
	struct store *s, uint64_t number, struct segment_file **out)
{
	char name[STORE_NAME];
	struct medium_file *file;
	struct segment_file *f;

	close_idle(s);
	segment_name(name, number);
	TRY(s->m->open(s->m, name, true, &file));
	enum err e = s->m->reserve(file, RESERVE_STEP);
	f = e == ERR_OK ? add_file(s, number, file) : NULL;
	if (!f) {
		s->m->close(file);
		s->m->remove(s->m, name);
		return e == ERR_OK ? ERR_NOMEM : e;
	}
	s->names = true;
	*out = f;
	return ERR_OK;
}

static enum err next_file(struct store *s)
{
	struct segments *g = &s->seg;
	struct segment_file *f;
	uint8_t raw[HEAD];

	TRY(segment_flush(s));
	TRY(new_file(s, g->next ? g->next : 1, &f));
	g->next = f->number + 1;
	TRY(seal_random(f->salt, sizeof(f->salt)));
	make_head(s, f, raw);
	g->current = f;
	g->end = HEAD;
	g->reserved = RESERVE_STEP;
	g->ahead = 0;
	g->tail_at = 0;
	g->tail.max = TAIL_MAX + CHUNK_SEALED;
	return put(s, f, 0, raw, HEAD);
}

/* A place for `n` bytes that cannot fail for want of space. */
static enum err take(struct store *s, uint64_t n, struct segment_file **f_out,
	uint64_t *at_out)
{
	struct segments *g = &s->seg;
	uint64_t limit = s->o.file_limit ? s->o.file_limit : LIMIT_SEGMENT_FILE;

	if (!g->current || (g->end > HEAD && g->end + n > limit))
		TRY(next_file(s));
	if (g->end + n > g->reserved) {
		uint64_t want = (g->end + n + RESERVE_STEP - 1) / RESERVE_STEP *
				RESERVE_STEP;
		TRY(s->m->reserve(g->current->file, want));
		g->reserved = want;
	}
	*f_out = g->current;
	*at_out = g->end;
	g->end += n;
	return ERR_OK;
}

enum err segment_sync_files(struct store *s)
{
	struct segments *g = &s->seg;

	for (struct segment_file *f = g->open; f; f = f->next) {
		if (!f->dirty)
			continue;
		struct medium_file **at = PUSH(g->sync, g->n_sync, g->cap_sync);
		if (!at)
			return ERR_NOMEM;
		*at = f->file;
		f->dirty = false;
		f->syncing = true;
	}
	return ERR_OK;
}

void segment_synced(struct store *s)
{
	for (struct segment_file *f = s->seg.open; f; f = f->next)
		f->syncing = false;
}

enum err segment_sync_one(struct store *s, uint64_t number)
{
	struct segment_file *f;
	enum err e = open_file(s, number, &f);

	/* Named by a record that is cut off. */
	if (e == ERR_CORRUPT)
		return ERR_OK;
	TRY(e);
	return s->m->sync(f->file);
}

enum err segment_remove(struct store *s, uint64_t number)
{
	char name[STORE_NAME];

	for (struct segment_file *f = s->seg.open; f; f = f->next)
		if (f->number == number) {
			if (!idle(s, f))
				return ERR_BUSY;
			close_file(s, f);
			break;
		}
	segment_name(name, number);
	return store_remove(s, name);
}

void segments_done(struct store *s)
{
	struct segments *g = &s->seg;

	/* Gives back what was reserved behind the end. */
	if (g->current && !s->failed && segment_flush(s) == ERR_OK &&
		s->m->truncate(g->current->file, g->end) != ERR_OK)
		store_fail(s, ERR_IO);
	while (g->open)
		close_file(s, g->open);
	buf_free(&g->tail);
	if (g->scratch)
		mem_wipe(g->scratch, CHUNK_SEALED);
	mem_free(g->scratch);
	mem_free(g->sync);
	*g = (struct segments){ 0 };
}

/* --- sealing -------------------------------------------------------------------------------- */

static enum err file_key(
	struct account *a, const struct segment_file *f, struct seal **out)
{
	uint8_t info[19] = "bst segment";
	struct secret *key;

	put_be64(info + 11, f->number);
	TRY(seal_derive(a->key, slice_of(f->salt, 32),
		slice_of(info, sizeof(info)), &key));
	enum err e = seal_new(secret_peek(key), out);
	secret_free(key);
	return e;
}

static enum err chunk_key(
	struct account *a, const struct segment_file *f, struct seal **out)
{
	for (int i = 0; i < SEGMENT_KEYS; i++)
		if (a->segment_key[i].key &&
			a->segment_key[i].segment == f->number) {
			*out = a->segment_key[i].key;
			return ERR_OK;
		}
	struct seal *key;
	TRY(file_key(a, f, &key));
	unsigned at = a->segment_turn++ % SEGMENT_KEYS;
	seal_free(a->segment_key[at].key);
	a->segment_key[at].key = key;
	a->segment_key[at].segment = f->number;
	*out = key;
	return ERR_OK;
}

static enum err scratch(struct store *s, uint8_t **out)
{
	if (!s->seg.scratch)
		s->seg.scratch = mem_alloc(CHUNK_SEALED);
	*out = s->seg.scratch;
	return *out ? ERR_OK : ERR_NOMEM;
}

/* What one chunk is bound to. */
struct chunk {
	uint64_t offset;
	uint32_t index;
	bool last;
	uint64_t total;
	uint8_t codec;
	size_t n; /* bytes in clear */
};

static void chunk_bind(struct account *a, const struct segment_file *f,
	const struct chunk *c, uint8_t nonce[SEAL_NONCE], struct aad *aad)
{
	seal_counter(nonce, c->offset);
	aad_chunk(aad, &a->s->o.tenant, a->number, f->number, c->offset,
		c->index, c->last, c->last ? c->total : 0, c->codec);
}

static enum err write_chunk(struct account *a, struct segment_file *f,
	const struct chunk *c, const void *plain)
{
	struct store *s = a->s;
	uint8_t nonce[SEAL_NONCE], *raw;
	struct seal *key;
	struct aad aad;

	TRY(scratch(s, &raw));
	TRY(chunk_key(a, f, &key));
	chunk_bind(a, f, c, nonce, &aad);
	TRY(seal_close(
		key, nonce, aad_slice(&aad), plain, c->n, raw, raw + c->n));
	return put(s, f, c->offset, raw, c->n + CHUNK_TAG);
}

/* Verified bytes, in the scratch: valid until the next chunk. */
static enum err read_chunk(struct account *a, uint64_t segment,
	const struct chunk *c, const uint8_t **plain_out)
{
	struct store *s = a->s;
	uint8_t nonce[SEAL_NONCE], *raw;
	struct segment_file *f;
	struct seal *key;
	struct aad aad;
	size_t got;

	TRY(scratch(s, &raw));
	TRY(open_file(s, segment, &f));
	if (f == s->seg.current)
		TRY(segment_flush(s));
	TRY(s->m->read(f->file, c->offset, raw, c->n + CHUNK_TAG, &got));
	if (got != c->n + CHUNK_TAG)
		return ERR_CORRUPT;
	TRY(chunk_key(a, f, &key));
	chunk_bind(a, f, c, nonce, &aad);
	TRY(seal_open(key, nonce, aad_slice(&aad), raw, c->n, raw, raw + c->n));
	*plain_out = raw;
	return ERR_OK;
}

/* --- a body's writer ---------------------------------------------------------------------------- */

struct segment_writer {
	struct account *a;
	uint64_t hint;
	struct segref ref;
	struct segment_file *file; /* of the run taken */
	uint64_t at;               /* next place in it */
	uint32_t left;             /* places left */
	uint32_t run;              /* size of the last run */
	struct buf plain;          /* the chunk that is being filled */
};

enum err segment_begin(
	struct account *a, uint64_t size_hint, struct segment_writer **out)
{
	if (a->s->failed)
		return ERR_IO;
	struct segment_writer *w = mem_new(struct segment_writer);
	if (!w)
		return ERR_NOMEM;
	w->a = a;
	w->hint = size_hint;
	buf_init(&w->plain, CHUNK_PLAIN);
	/* Most bodies are much smaller than a chunk. */
	enum err e = buf_reserve(&w->plain,
		size_hint < CHUNK_PLAIN ? (size_t)size_hint : CHUNK_PLAIN);
	if (e != ERR_OK) {
		mem_free(w);
		return e;
	}
	a->pins++;
	*out = w;
	return ERR_OK;
}

static void give_run_back(struct segment_writer *w)
{
	if (w->file)
		w->file->users--;
	w->file = NULL;
	w->left = 0;
}

/* Places for the next chunks: as many as were announced, else twice as many
 * as before. */
static enum err take_run(struct segment_writer *w)
{
	uint64_t left = w->hint > w->ref.total ? w->hint - w->ref.total : 0;
	uint32_t run = w->run ? 2 * w->run : 1, max = RUN_MAX;

	if (left > CHUNK_PLAIN) {
		uint64_t known = left / CHUNK_PLAIN + 1;
		run = known < RUN_KNOWN_MAX ? (uint32_t)known : RUN_KNOWN_MAX;
		max = RUN_KNOWN_MAX;
	}
	w->run = run < max ? run : max;
	give_run_back(w);
	TRY(take(w->a->s, (uint64_t)w->run * CHUNK_SEALED, &w->file, &w->at));
	w->left = w->run;
	w->file->users++;
	return ERR_OK;
}

static enum err put_chunk(struct segment_writer *w, bool last)
{
	struct chunk c = { .index = w->ref.chunks,
		.last = last,
		.codec = w->ref.codec,
		.n = w->plain.n };
	struct segment_file *f = w->file;

	w->ref.total += c.n;
	c.total = w->ref.total;
	if (w->left > 0) {
		c.offset = w->at;
		w->at += CHUNK_SEALED;
		w->left--;
	} else if (last) { /* exactly what it needs */
		TRY(take(w->a->s, c.n + CHUNK_TAG, &f, &c.offset));
	}
	TRY(write_chunk(w->a, f, &c, w->plain.p));
	buf_reset(&w->plain);
	return segref_add(&w->ref, f->number, c.offset);
}

enum err segment_write(struct segment_writer *w, struct slice data)
{
	while (data.n > 0) {
		/* The last chunk is only known when nothing follows. */
		if (w->plain.n == CHUNK_PLAIN) {
			if (w->ref.total + CHUNK_PLAIN + data.n >
				SEGREF_BODY_MAX)
				return ERR_LIMIT;
			if (w->left == 0)
				TRY(take_run(w));
			TRY(put_chunk(w, false));
		}
		struct slice part = slice_head(data, CHUNK_PLAIN - w->plain.n);
		TRY(buf_add_slice(&w->plain, part));
		data = slice_from(data, part.n);
	}
	return ERR_OK;
}

void segment_abort(struct segment_writer *w)
{
	if (!w)
		return;
	give_run_back(w);
	account_unpin(w->a);
	buf_wipe(&w->plain);
	mem_free(w);
}

enum err segment_finish(struct segment_writer *w, struct buf *ref)
{
	enum err e = put_chunk(w, true);

	if (e == ERR_OK)
		e = segref_build(&w->ref, ref);
	segment_abort(w);
	return e;
}

/* --- reading ---------------------------------------------------------------------------------------- */

enum err segment_read(struct account *a, struct slice ref, uint64_t offset,
	void *p, size_t n, size_t *got_out)
{
	struct segref r;
	size_t done = 0;

	TRY(segref_parse(ref, &r));
	if (offset >= r.total)
		n = 0;
	else if (n > r.total - offset)
		n = (size_t)(r.total - offset);
	while (done < n) {
		uint32_t i = (uint32_t)((offset + done) / CHUNK_PLAIN);
		size_t skip = (size_t)((offset + done) % CHUNK_PLAIN);
		struct chunk c = { .index = i,
			.last = i + 1 == r.chunks,
			.total = r.total,
			.codec = r.codec,
			.n = segref_size(&r, i) };
		const uint8_t *plain;
		uint64_t segment;
		segref_place(&r, i, &segment, &c.offset);
		TRY(read_chunk(a, segment, &c, &plain));
		size_t part = c.n - skip < n - done ? c.n - skip : n - done;
		memcpy((char *)p + done, plain + skip, part);
		done += part;
	}
	*got_out = done;
	return ERR_OK;
}

enum err segment_verify_extent(
	struct store *s, struct account *a, const struct record_extent *x)
{
	const uint8_t *plain;
	struct chunk c = { .offset = x->offset,
		.index = x->index,
		.codec = x->codec,
		.n = CHUNK_PLAIN };

	for (uint32_t i = 0; i < x->chunks; i++) {
		TRY(read_chunk(a, x->segment, &c, &plain));
		c.offset += CHUNK_SEALED;
		c.index++;
	}
	if (!x->last)
		return ERR_OK;
	if (x->last < CHUNK_TAG || x->last > CHUNK_SEALED)
		return ERR_CORRUPT;
	c.last = true;
	c.total = x->total;
	c.n = x->last - CHUNK_TAG;
	return read_chunk(a, x->segment, &c, &plain);
}

/* --- who names what ------------------------------------------------------------------------------------ */

/* The extents that the commit's record must name. */
static enum err note_extents(struct account *a, const struct segref *r)
{
	struct tx *t = &a->s->tx;
	uint32_t index = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct segref_extent *e = &r->extent[i];
		bool last = i + 1 == r->n;
		struct record_extent *x =
			PUSH(t->extent, t->n_extents, t->cap_extents);
		if (!x)
			return ERR_NOMEM;
		*x = (struct record_extent){ .account = a->number,
			.segment = e->segment,
			.offset = e->offset,
			.chunks = e->chunks - last,
			.index = index,
			.codec = r->codec };
		index += e->chunks;
		if (last) {
			x->last = (uint32_t)segref_size(r, r->chunks - 1) +
				  CHUNK_TAG;
			x->total = r->total;
		}
	}
	return ERR_OK;
}

/* One integer that a writing statement returns; steps to its end. */
static enum err returning(struct db *d, const char *sql, uint64_t segment,
	int64_t bytes, int64_t *out)
{
	sqlite3_stmt *st = db_stmt(d, sql);

	if (!st)
		return ERR_NOMEM;
	db_bind(st, "ui", segment, bytes);
	enum err e = db_step(st), end = ERR_OK;
	if (e == ERR_OK) {
		*out = sqlite3_column_int64(st, 0);
		end = db_step(st);
	}
	db_done(st);
	if (e == ERR_OK && end != ERR_NOTFOUND)
		return end == ERR_OK ? ERR_BUG : end;
	return e;
}

static enum err add_to(struct account *a, uint64_t segment, int64_t bytes)
{
	struct db *tenant = tenant_db(a->s);
	int64_t refs;

	TRY(returning(&a->db,
		"INSERT INTO core_live VALUES(?1, 1, ?2)"
		" ON CONFLICT(segment) DO UPDATE SET"
		" refs = refs + 1, bytes = bytes + ?2 RETURNING refs",
		segment, bytes, &refs));
	if (refs > 1)
		return ERR_OK;
	TRY(db_write(tenant));
	TRY(db_run(tenant, "INSERT OR IGNORE INTO core_segment VALUES(?, ?)",
		"ui", segment, (int64_t)a->number));
	return db_run(tenant,
		"UPDATE core_segment_next SET number = max(number, ?)", "u",
		segment + 1);
}

static enum err drop_from(struct account *a, uint64_t segment, int64_t bytes)
{
	struct db *tenant = tenant_db(a->s);
	int64_t refs, left;
	enum err e = returning(&a->db,
		"UPDATE core_live SET refs = refs - 1, bytes = bytes - ?2"
		" WHERE segment = ?1 RETURNING refs",
		segment, bytes, &refs);

	if (e == ERR_NOTFOUND)
		return ERR_BUG; /* dropped more often than added */
	TRY(e);
	if (refs > 0)
		return ERR_OK;
	TRY(db_run(&a->db, "DELETE FROM core_live WHERE segment = ?", "u",
		segment));
	TRY(db_write(tenant));
	TRY(db_run(tenant,
		"DELETE FROM core_segment WHERE segment = ? AND account = ?",
		"ui", segment, (int64_t)a->number));
	TRY(db_int(tenant, &left,
		"SELECT count(*) FROM core_segment WHERE segment = ?", "u",
		segment));
	return left ? ERR_OK : later_add(a->s, LATER_SEGMENT, segment);
}

enum err segment_ref_add(struct account *a, struct slice ref)
{
	struct segref r;

	TRY(segref_parse(ref, &r));
	TRY(db_write(&a->db));
	for (uint32_t i = 0; i < r.n; i++)
		if (segref_first_in(&r, i))
			TRY(add_to(a, r.extent[i].segment,
				segref_bytes_in(&r, r.extent[i].segment)));
	return note_extents(a, &r);
}

enum err segment_ref_drop(struct account *a, struct slice ref)
{
	struct segref r;

	TRY(segref_parse(ref, &r));
	TRY(db_write(&a->db));
	for (uint32_t i = 0; i < r.n; i++)
		if (segref_first_in(&r, i))
			TRY(drop_from(a, r.extent[i].segment,
				segref_bytes_in(&r, r.extent[i].segment)));
	return ERR_OK;
}
