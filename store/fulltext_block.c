/* SPDX-License-Identifier: EUPL-1.2 */
/* Blocks of the index of words: rows of `fulltext_block`. */
#include "fulltext.h"

/* A row from which on the next one begins: some pages of the database. */
#define BLOCK_SIZE KIB(24)
/* One word of 100 million bodies. */
#define POSTINGS_MAX MIB(512)

enum err varint_put(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_addc(b, (char)(v | 0x80));
	return buf_addc(b, (char)v);
}

bool varint_get(struct slice *rest, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < rest->n && i < 10; i++) {
		unsigned char byte = (unsigned char)rest->p[i];
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*rest = slice_from(*rest, i + 1);
			*out = v;
			return true;
		}
	}
	return false;
}

enum err posting_put(struct buf *b, uint32_t *before, const struct posting *p)
{
	uint64_t step = p->doc - *before;

	*before = p->doc;
	return varint_put(b, step << 2 | p->zones);
}

enum err posting_next(struct slice *rest, uint32_t *before, struct posting *out)
{
	uint64_t v;

	if (!varint_get(rest, &v) || (v & 3) == 0 ||
		v >> 2 > UINT32_MAX - *before)
		return ERR_CORRUPT;
	*before += (uint32_t)(v >> 2);
	*out = (struct posting){ *before, v & 3 };
	return ERR_OK;
}

/* --- writing ----------------------------------------------------------------------- */

void block_writer_init(
	struct block_writer *w, struct account *a, uint64_t segment)
{
	*w = (struct block_writer){ .account = a, .segment = segment };
	buf_init(&w->words, BLOCK_SIZE * 2);
	buf_init(&w->postings, POSTINGS_MAX);
}

void block_writer_free(struct block_writer *w)
{
	buf_free(&w->words);
	buf_free(&w->postings);
}

enum err block_flush(struct block_writer *w)
{
	if (w->words.n == 0)
		return ERR_OK;
	if (w->blocks >> BLOCK_BITS)
		return ERR_LIMIT;
	TRY(buf_err(&w->words));
	TRY(buf_err(&w->postings));
	TRY(db_run(account_db(w->account),
		"INSERT INTO fulltext_block(id, words, postings)"
		" VALUES(?, ?, ?)",
		"ubb", w->segment << BLOCK_BITS | w->blocks,
		buf_slice(&w->words), buf_slice(&w->postings)));
	w->blocks++;
	buf_reset(&w->words);
	buf_reset(&w->postings);
	return ERR_OK;
}

enum err block_put(struct block_writer *w, struct slice word, uint32_t n,
	struct slice postings)
{
	buf_add_slice(&w->words, word);
	buf_addc(&w->words, '\n');
	varint_put(&w->postings, n);
	buf_add_slice(&w->postings, postings);
	return w->words.n + w->postings.n >= BLOCK_SIZE ? block_flush(w)
							: ERR_OK;
}

/* --- reading ----------------------------------------------------------------------- */

void block_init(struct block *k)
{
	*k = (struct block){ 0 };
	buf_init(&k->words, BLOCK_SIZE * 2);
	buf_init(&k->postings, POSTINGS_MAX);
}

void block_free(struct block *k)
{
	buf_free(&k->words);
	buf_free(&k->postings);
}

enum err block_read(
	struct account *a, uint64_t segment, uint32_t number, struct block *k)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT words, postings FROM fulltext_block WHERE id = ?");
	enum err e;

	buf_reset(&k->words);
	buf_reset(&k->postings);
	db_bind(st, "u", segment << BLOCK_BITS | number);
	e = db_step(st);
	if (e == ERR_OK)
		e = buf_add_slice(&k->words, db_column(st, 0));
	if (e == ERR_OK)
		e = buf_add_slice(&k->postings, db_column(st, 1));
	db_done(st);
	k->word_rest = buf_slice(&k->words);
	k->posting_rest = buf_slice(&k->postings);
	return e;
}

enum err block_next(struct block *k, struct slice *word, uint32_t *n,
	struct slice *postings)
{
	uint64_t count;
	uint32_t before = 0;
	struct posting p;
	struct slice rest;

	if (k->word_rest.n == 0)
		return k->posting_rest.n ? ERR_CORRUPT : ERR_NOTFOUND;
	size_t end = slice_find(k->word_rest, '\n');
	if (end == 0 || end == k->word_rest.n)
		return ERR_CORRUPT;
	*word = slice_head(k->word_rest, end);
	k->word_rest = slice_from(k->word_rest, end + 1);
	if (!varint_get(&k->posting_rest, &count) || count == 0 ||
		count > k->posting_rest.n)
		return ERR_CORRUPT;
	rest = k->posting_rest;
	for (uint64_t i = 0; i < count; i++)
		TRY(posting_next(&rest, &before, &p));
	*n = (uint32_t)count;
	*postings = slice_head(k->posting_rest, k->posting_rest.n - rest.n);
	k->posting_rest = rest;
	return ERR_OK;
}
