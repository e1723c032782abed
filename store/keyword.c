/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keywords: each mailbox names up to LIMIT_KEYWORDS of them, and a message
 * carries bits. A bit once given keeps its name, so sessions may cache it.
 */
#include "schema.h"

static enum err check_keyword(struct slice name)
{
	TRY(schema_name(name, LIMIT_KEYWORD_NAME));
	/* RFC 9051 9: flag-keyword is an atom; '\' is the system flags'. */
	for (size_t i = 0; i < name.n; i++)
		if (strchr("(){ %*\"\\]", name.p[i]) ||
			(unsigned char)name.p[i] > '~')
			return ERR_SYNTAX;
	return ERR_OK;
}

enum err keyword_list(struct account *a, uint64_t mailbox, struct arena *arena,
	struct slice names[LIMIT_KEYWORDS], size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT bit, name FROM keyword WHERE mailbox = ?"
		" ORDER BY bit");
	size_t n = 0;
	enum err e;

	for (size_t i = 0; i < LIMIT_KEYWORDS; i++)
		names[i] = slice_of("", 0);
	db_bind(st, "u", mailbox);
	while ((e = db_step(st)) == ERR_OK) {
		uint32_t bit = column_u32(st, 0);
		e = bit < LIMIT_KEYWORDS
			    ? schema_copy(arena, st, 1, &names[bit])
			    : ERR_CORRUPT;
		if (e != ERR_OK)
			break;
		n = bit + 1;
	}
	db_done(st);
	if (e != ERR_NOTFOUND)
		return e;
	*n_out = n;
	return ERR_OK;
}

static enum err find_bit(
	struct db *d, uint64_t mailbox, struct slice name, unsigned *bit_out)
{
	int64_t bit;

	TRY(db_int(d, &bit,
		"SELECT bit FROM keyword WHERE mailbox = ? AND name = ?", "us",
		mailbox, name));
	*bit_out = (unsigned)bit;
	return ERR_OK;
}

static enum err make_bit(struct account *a, uint64_t mailbox, struct slice name,
	unsigned *bit_out)
{
	struct db *d = account_db(a);
	struct counters c;
	int64_t bit;

	TRY(db_write(d));
	TRY(counters_get(d, mailbox, &c));
	TRY(db_int(d, &bit,
		"SELECT ifnull(max(bit) + 1, 0) FROM keyword"
		" WHERE mailbox = ?",
		"u", mailbox));
	if (bit >= LIMIT_KEYWORDS)
		return ERR_LIMIT;
	TRY(db_run(d, "INSERT INTO keyword(mailbox, bit, name) VALUES(?, ?, ?)",
		"uis", mailbox, bit, name));
	db_note_change(a, WATCH_MAILBOX, mailbox);
	*bit_out = (unsigned)bit;
	return ERR_OK;
}

enum err keyword_bit(struct account *a, uint64_t mailbox, struct slice name,
	bool create, unsigned *bit_out)
{
	enum err e;

	TRY(check_keyword(name));
	e = find_bit(account_db(a), mailbox, name, bit_out);
	if (e != ERR_NOTFOUND || !create)
		return e;
	return make_bit(a, mailbox, name, bit_out);
}

static enum err translate_bit(struct account *a, uint64_t from, uint64_t to,
	unsigned bit, struct flags *out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT name FROM keyword WHERE mailbox = ? AND bit = ?");
	char bytes[LIMIT_KEYWORD_NAME];
	struct slice name = { bytes, 0 };
	unsigned there;
	enum err e;

	db_bind(st, "ui", from, (int64_t)bit);
	e = db_step(st);
	if (e == ERR_OK) {
		struct slice s = slice_head(db_column(st, 0), sizeof(bytes));
		memcpy(bytes, s.p, s.n);
		name.n = s.n;
	}
	db_done(st);
	if (e == ERR_OK)
		e = keyword_bit(a, to, name, true, &there);
	if (e == ERR_OK)
		out->keyword[there / 64] |= UINT64_C(1) << there % 64;
	/* No bit left, or a bit without a name: the message goes without. */
	return e == ERR_LIMIT || e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err keyword_translate(
	struct account *a, uint64_t from, uint64_t to, struct flags *flags)
{
	struct flags out = { .system = flags->system };

	if (from == to)
		return ERR_OK;
	for (unsigned bit = 0; bit < LIMIT_KEYWORDS; bit++)
		if (flags->keyword[bit / 64] >> bit % 64 & 1)
			TRY(translate_bit(a, from, to, bit, &out));
	*flags = out;
	return ERR_OK;
}
