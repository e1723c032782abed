/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * METADATA responses (RFC 5464 4.4.1). Values lie in the store, but for two
 * that are made: the server's /shared/admin (3.2.1.1) and a mailbox's
 * /private/specialuse (RFC 6154 4).
 */
#include <bastide/directory.h>

#include "metadata.h"

/* Values read at once, and what a response may grow to before the next one is
 * begun. */
#define BATCH 8
#define RESPONSE KIB(64)

static void put_value(struct buf *b, struct slice value)
{
	if (value.p && slice_find(value, '\0') < value.n) {
		buf_addf(b, "~{%zu}\r\n", value.n);
		buf_add_slice(b, value);
	} else {
		put_nstring(b, value);
	}
}

static void end_response(struct imap *i, struct metadata_walk *w)
{
	if (w->open)
		buf_adds(&i->out, ")\r\n");
	w->open = false;
	imap_flush(i);
}

static void put_entry(struct imap *i, struct metadata_walk *w,
	const struct entry *e, struct slice path, struct slice value)
{
	struct buf name;

	if (value.n > w->options.max_size) {
		if (value.n > w->longest)
			w->longest = (uint32_t)value.n;
		return;
	}
	if (!w->open) {
		buf_adds(&i->out, "* METADATA ");
		put_mailbox(i, w->name);
		buf_adds(&i->out, " (");
	} else {
		buf_addc(&i->out, ' ');
	}
	w->open = true;
	buf_init(&name, LIMIT_METADATA_NAME + 16);
	buf_adds(&name, e->shared ? "/shared" : "/private");
	buf_add_slice(&name, path);
	put_astring(&i->out, buf_slice(&name));
	buf_free(&name);
	buf_addc(&i->out, ' ');
	put_value(&i->out, value);
	if (i->out.n >= RESPONSE)
		end_response(i, w);
}

/* --- made values ------------------------------------------------------------------ */

/* 3.2.1.1: a URI. Every domain has a postmaster (RFC 5321 4.5.1). */
static enum err server_admin(
	struct imap *i, struct metadata_walk *w, struct slice *out)
{
	struct user_row user;
	struct slice domain;

	TRY(user_get(i->tenant->store, i->st.account, w->arena, &user));
	(void)slice_cut(user.address, '@', &domain);
	*out = slice_str(
		imap_text(i, "mailto:postmaster@%.*s", SLICE_ARG(domain)));
	return ERR_OK;
}

static enum err specialuse(
	struct imap *i, struct metadata_walk *w, struct slice *out)
{
	const char *use = imap_use_name(w->use);

	if (use)
		*out = slice_str(use);
	return ERR_OK;
}

static const struct {
	bool server, shared;
	const char *path;
	enum err (*make)(
		struct imap *i, struct metadata_walk *w, struct slice *out);
} made[] = {
	{ true, true, "/admin", server_admin },
	{ false, false, "/specialuse", specialuse },
};

static bool is_below(struct slice path, struct slice top, unsigned depth)
{
	struct slice rest = slice_from(path, top.n);
	size_t n = 0;

	if (path.n <= top.n || !slice_ieq(slice_head(path, top.n), top) ||
		rest.p[0] != '/')
		return false;
	for (size_t k = 0; k < rest.n; k++)
		n += rest.p[k] == '/';
	return depth == DEPTH_INFINITY || n <= depth;
}

/* Those that the entry names, at its own place or below. `told`: it itself. */
static enum err put_made(struct imap *i, struct metadata_walk *w,
	const struct entry *e, bool *told)
{
	for (size_t k = 0; k < sizeof(made) / sizeof(made[0]); k++) {
		struct slice path = slice_str(made[k].path);
		struct slice value = { NULL, 0 };
		bool exact = slice_ieq(path, e->path);
		if (made[k].server != !w->box || made[k].shared != e->shared ||
			!(exact || is_below(path, e->path, w->options.depth)))
			continue;
		TRY(made[k].make(i, w, &value));
		if (value.p)
			put_entry(i, w, e, path, value);
		*told |= exact && value.p;
	}
	return ERR_OK;
}

/* --- stored values ------------------------------------------------------------------ */

static void remember(struct metadata_walk *w, struct slice path)
{
	memcpy(w->after_text, path.p, path.n);
	w->after = slice_of(w->after_text, path.n);
}

/* A batch of what is stored under the entry and, when asked, below; the last
 * one leaves `begun` false. */
static enum err stored(
	struct imap *i, struct metadata_walk *w, const struct entry *e)
{
	struct metadata rows[BATCH];
	uint32_t owner = e->shared ? METADATA_SHARED : i->st.account;
	size_t n, max = w->options.depth == DEPTH_0 ? 1 : BATCH;

	TRY(metadata_list(w->account, w->box, owner, e->path, w->after,
		w->arena, rows, max, &n));
	for (size_t k = 0; k < n; k++) {
		struct slice path = rows[k].entry;
		if (slice_ieq(path, e->path) ||
			is_below(path, e->path, w->options.depth))
			put_entry(i, w, e, path, rows[k].value);
	}
	w->begun = n == BATCH;
	if (n)
		remember(w, rows[n - 1].entry);
	return ERR_OK;
}

/* At depth 0 an entry that is not there is NIL. */
static enum err one_step(struct imap *i, struct metadata_walk *w)
{
	const struct entry *e = &w->entries[w->at];
	struct slice nothing = { NULL, 0 };
	bool told = false;

	arena_reset(w->arena);
	if (!w->begun) {
		w->after = nothing;
		TRY(put_made(i, w, e, &told));
	}
	TRY(stored(i, w, e));
	told |= w->after.n && slice_ieq(w->after, e->path);
	if (w->options.depth == DEPTH_0 && !told)
		put_entry(i, w, e, e->path, nothing);
	if (!w->begun)
		w->at++;
	return ERR_OK;
}

enum err metadata_put(
	struct imap *i, struct metadata_walk *w, uint64_t started_us)
{
	while (w->at < w->n) {
		enum err e = one_step(i, w);
		if (e != ERR_OK) {
			buf_reset(&i->out); /* half a response */
			return e;
		}
		if (w->at < w->n && imap_slice_over(i, started_us)) {
			end_response(i, w);
			return ERR_AGAIN;
		}
	}
	end_response(i, w);
	return ERR_OK;
}
