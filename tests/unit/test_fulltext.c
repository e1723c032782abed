/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The index of words against the texts themselves: whatever is asked, "yes"
 * and "no" are true, and "maybe" is rare.
 */
#include <bastide/fulltext.h>

#include "../../store/fulltext.h"
#include "store_fixture.h"

/* --- words --------------------------------------------------------------------- */

struct words {
	char text[2000];
};

static enum err add(void *arg, struct slice word)
{
	struct words *w = arg;
	size_t n = strlen(w->text);

	snprintf(w->text + n, sizeof(w->text) - n, "%s%.*s", n ? "|" : "",
		SLICE_ARG(word));
	return ERR_OK;
}

static const char *cut(const char *text, size_t step)
{
	static struct words w;
	struct word_cutter c = { 0 };
	struct slice rest = slice_str(text);

	w.text[0] = '\0';
	while (rest.n) {
		ok(words_feed(&c, slice_head(rest, step), add, &w));
		rest = slice_from(rest, step < rest.n ? step : rest.n);
	}
	ok(words_end(&c, add, &w));
	return w.text;
}

static const struct {
	const char *text, *words;
} cuts[] = {
	{ "", "" },
	{ " ,. ", "" },
	{ "one two", "one|two" },
	{ "a@b.example: x_y", "a|b|example|x|y" },
	{ "été-là", "été|là" },
	{ "日本語", "日|本|語" },
	{ "ab日cd", "ab|日|cd" },
	{ "カナ한글", "カ|ナ|한글" },
	{ "𠀀x", "𠀀|x" },
	{ "x㐀鿿ㆠ豈ｱy", "x|㐀|鿿|ㆠ|豈|ｱ|y" },
	{ "привет, мир", "привет|мир" },
};

static void test_words(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
		for (size_t step = 1; step < 20; step += 6)
			assert_string_equal(
				cut(cuts[i].text, step), cuts[i].words);
}

/* Each piece of 32 bytes of a long run is in some word of it. */
static void test_long_run(void **state)
{
	char run[401], piece[WORD_OVERLAP + 1];
	uint32_t random = 1;

	for (size_t i = 0; i < 400; i += 2) {
		random = random * 1664525 + 1013904223;
		run[i] = (char)0xd0; /* Cyrillic, two bytes each */
		run[i + 1] = (char)(0xb0 + (random >> 28));
	}
	run[400] = '\0';
	const char *words = cut(run, 7);
	for (size_t i = 0; i + WORD_OVERLAP <= 400; i += 2) {
		memcpy(piece, run + i, WORD_OVERLAP);
		piece[WORD_OVERLAP] = '\0';
		assert_non_null(strstr(words, piece));
	}
	assert_true(strlen(words) < 700);
}

/* --- the index beside the texts --------------------------------------------------- */

#define TEXTS 3000
#define TEXT_MAX 400

struct corpus {
	struct fixture *f;
	uint64_t body[TEXTS];
	char text[TEXTS][2][TEXT_MAX]; /* header, body */
	bool gone[TEXTS];
	size_t n;
	uint32_t random;
};

static uint32_t draw(struct corpus *c, uint32_t below)
{
	c->random = c->random * 1664525 + 1013904223;
	return (c->random >> 8) % below;
}

static void draw_text(struct corpus *c, char out[TEXT_MAX])
{
	static const char *const letters[] = { "a", "b", "c", "d", "e", "n",
		"o", "s", "t", "1", "é", "ß", "д", "日", "本", "語", "カ", " ",
		" ", " ", ".", "@", "-", "\n" };
	size_t n = 0, want = draw(c, TEXT_MAX - 8);
	bool run = draw(c, 20) == 0; /* now and then without any gap */

	while (n < want) {
		const char *l = letters[draw(c, run ? 13 : ARRAY_LEN(letters))];
		memcpy(out + n, l, strlen(l));
		n += strlen(l);
	}
	out[n] = '\0';
}

static uint64_t make_one(struct corpus *c, uint64_t inbox)
{
	struct message_new m = { .internal_date = 1700000000,
		.body = make_body(c->f->a, 3) };
	uint64_t modseq;
	uint32_t uid;

	ok(message_add(c->f->a, inbox, &m, &uid, &modseq));
	return m.body;
}

static void make_texts(struct corpus *c, size_t n)
{
	uint64_t inbox = mailbox_id(c->f, "INBOX");

	ok(store_begin(c->f->s));
	for (; n && c->n < TEXTS; n--, c->n++) {
		c->body[c->n] = make_one(c, inbox);
		draw_text(c, c->text[c->n][0]);
		draw_text(c, c->text[c->n][1]);
	}
	ok(store_commit(c->f->s, NULL));
}

static size_t text_of(const struct corpus *c, uint64_t body)
{
	size_t i = 0;

	while (c->body[i] != body)
		i++;
	return i;
}

static void feed_zone(struct fulltext_batch *b, struct corpus *c, unsigned zone,
	const char *text)
{
	struct slice rest = slice_str(text);

	while (rest.n) {
		size_t n = 1 + draw(c, 50);
		n = n < rest.n ? n : rest.n;
		ok(fulltext_text(b, zone, slice_head(rest, n)));
		rest = slice_from(rest, n);
	}
	ok(fulltext_break(b));
}

static void feed(struct corpus *c, size_t max)
{
	struct fulltext_batch *b;
	uint64_t body, left, from, upto;

	ok(fulltext_batch_new(&b));
	ok(fulltext_upto(c->f->a, &from));
	upto = from;
	while (max-- && !fulltext_full(b) &&
		fulltext_next(c->f->a, upto, &body, &left) == ERR_OK) {
		size_t i = text_of(c, body);
		ok(fulltext_body(b, body));
		feed_zone(b, c, FULLTEXT_HEADER, c->text[i][0]);
		feed_zone(b, c, FULLTEXT_BODY, c->text[i][1]);
		upto = body;
	}
	ok(store_begin(c->f->s));
	ok(fulltext_keep(c->f->a, b, from, upto));
	ok(store_commit(c->f->s, NULL));
	fulltext_batch_free(b);
}

static void tidy(struct corpus *c)
{
	struct fulltext_tidy *t;
	enum err e;

	ok(fulltext_tidy_new(c->f->a, &t));
	while ((e = fulltext_tidy_more(t)) == ERR_AGAIN)
		;
	ok(e);
	fulltext_tidy_free(t);
}

static bool contains(
	const struct corpus *c, size_t i, unsigned zones, const char *needle)
{
	return (zones & FULLTEXT_HEADER && strstr(c->text[i][0], needle)) ||
	       (zones & FULLTEXT_BODY && strstr(c->text[i][1], needle));
}

struct tally {
	unsigned yes, no, maybe, unsupported;
};

static void ask(
	struct corpus *c, const char *needle, unsigned zones, struct tally *t)
{
	struct fulltext_query *q;
	enum err e = fulltext_query_new(c->f->a, slice_str(needle), zones, &q);

	if (e == ERR_UNSUPPORTED) {
		t->unsupported++;
		return;
	}
	ok(e);
	while ((e = fulltext_query_more(q)) == ERR_AGAIN)
		;
	ok(e);
	bool whole = strlen(needle) <= WORD_OVERLAP &&
		     strcmp(cut(needle, 99), needle) == 0;
	for (size_t i = 0; i < c->n; i++) {
		enum fulltext_answer a = fulltext_says(q, c->body[i]);
		bool has = contains(c, i, zones, needle);
		if (c->gone[i])
			continue;
		if ((a == FULLTEXT_YES && !has) || (a == FULLTEXT_NO && has))
			fail_msg("\"%s\" in %zu: %d", needle, i, (int)a);
		/* One word, or a piece of one: never left to the text. */
		assert_false(whole && a == FULLTEXT_MAYBE &&
			     c->body[i] <= fulltext_query_upto(q));
		t->yes += a == FULLTEXT_YES;
		t->no += a == FULLTEXT_NO;
		t->maybe += a == FULLTEXT_MAYBE;
	}
	fulltext_query_free(q);
}

static unsigned scan_fuzzily(
	struct corpus *c, size_t i, unsigned zones, struct fulltext_fuzzy *f)
{
	fulltext_fuzzy_begin(f);
	for (unsigned zone = 1; zone <= 2; zone++) {
		struct slice rest = slice_str(c->text[i][zone - 1]);
		while ((zones & zone) && rest.n) {
			ok(fulltext_fuzzy_text(f, slice_head(rest, 7)));
			rest = slice_from(rest, 7);
		}
		ok(fulltext_fuzzy_break(f));
	}
	return fulltext_fuzzy_score(f);
}

/* The index says what a scan says, the score too; never "maybe". */
static void ask_fuzzily(
	struct corpus *c, const char *needle, unsigned zones, struct tally *t)
{
	struct fulltext_fuzzy *f;
	struct fulltext_query *q;
	enum err e = fulltext_fuzzy_new(slice_str(needle), &f);

	if (e == ERR_UNSUPPORTED) {
		t->unsupported++;
		return;
	}
	ok(e);
	ok(fulltext_query_fuzzy(c->f->a, f, zones, &q));
	while ((e = fulltext_query_more(q)) == ERR_AGAIN)
		;
	ok(e);
	for (size_t i = 0; i < c->n; i++) {
		unsigned want = scan_fuzzily(c, i, zones, f);
		enum fulltext_answer a = fulltext_says(q, c->body[i]);
		if (c->body[i] > fulltext_query_upto(q)) {
			assert_int_equal(a, FULLTEXT_MAYBE);
			continue;
		}
		assert_int_equal(a, want ? FULLTEXT_YES : FULLTEXT_NO);
		assert_int_equal(fulltext_score(q, c->body[i]), want);
		t->yes += want != 0;
		t->no += want == 0;
	}
	fulltext_query_free(q);
	fulltext_fuzzy_free(f);
}

static const struct {
	const char *query, *text;
	unsigned score;
} likes[] = {
	{ "hello", "hello", 100 },
	{ "hello", "shellos", 50 },
	{ "hello", "hallo", 1 },
	{ "hello", "helo", 1 },
	{ "hello", "helloo", 50 },
	{ "hello", "ehllo", 0 },
	{ "hello", "hel𐐨lo", 1 }, /* four bytes */
	{ "hell", "hall", 0 },    /* four letters */
	{ "hello world", "the world; hello", 100 },
	{ "hello world", "worlds", 0 },
	{ "hello world", "worlds hxllo", 25 },
	{ "été12", "ete12", 0 }, /* two letters */
	{ "été12", "eté12", 1 },
	{ "été12", "éte12", 1 },
	{ "été12", "é12", 0 },
	{ "été12", "été1", 1 },
	{ "прива", "превa", 0 },
	{ "прива", "преха", 0 },
	{ "прива", "прева", 1 },
	{ "日本語", "語の日x本", 100 },
	{ "日本語", "日語", 0 },
	/* Of a long word the first 32 bytes count. */
	{ "abcdefghijklmnopqrstuvwxyzabcdefghijklm",
		"abcdefghijklmnopqrstuvwxyzabcdefXYZ", 50 },
	{ "a b c d e f g h i j k", "a b c d e f g h i j", 100 },
};

static void test_likes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(likes); i++) {
		struct fulltext_fuzzy *f;
		ok(fulltext_fuzzy_new(slice_str(likes[i].query), &f));
		fulltext_fuzzy_begin(f);
		ok(fulltext_fuzzy_text(f, slice_str(likes[i].text)));
		ok(fulltext_fuzzy_break(f));
		if (fulltext_fuzzy_score(f) != likes[i].score)
			fail_msg("\"%s\" in \"%s\": %u", likes[i].query,
				likes[i].text, fulltext_fuzzy_score(f));
		fulltext_fuzzy_free(f);
	}
}

/* A piece of some text, or any text. */
static void draw_needle(struct corpus *c, char *out, size_t max)
{
	const char *text = c->text[draw(c, (uint32_t)c->n)][draw(c, 2)];
	size_t n = strlen(text);
	char any[TEXT_MAX];

	if (n < 8 || draw(c, 4) == 0) {
		draw_text(c, any);
		text = any;
		n = strlen(any);
	}
	size_t from = n ? draw(c, (uint32_t)n) : 0;
	while (from < n && ((unsigned char)text[from] & 0xc0) == 0x80)
		from++;
	size_t to = from + 1 + draw(c, (uint32_t)max - 4);
	while (to < n && ((unsigned char)text[to] & 0xc0) == 0x80)
		to++;
	to = to < n ? to : n;
	memcpy(out, text + from, to - from);
	out[to - from] = '\0';
}

static struct tally ask_many(struct corpus *c, unsigned n, size_t max)
{
	struct tally t = { 0 };
	char needle[TEXT_MAX];

	while (n--) {
		draw_needle(c, needle, max);
		if (needle[0])
			ask(c, needle, 1 + draw(c, 3), &t);
	}
	return t;
}

static struct corpus *corpus_new(const char *name)
{
	struct corpus *c = mem_new(struct corpus);

	c->f = fixture_new(name);
	c->random = 1;
	return c;
}

static void corpus_free(struct corpus *c)
{
	fixture_free(c->f);
	mem_free(c);
}

static void test_answers(void **state)
{
	struct corpus *c = corpus_new("answers");

	make_texts(c, 400);
	feed(c, 100);
	feed(c, 150);
	/* 150 are not indexed. */
	struct tally t = ask_many(c, 300, 12);
	assert_true(t.yes > 5000 && t.no > 20000 && t.maybe > 45000);
	feed(c, 1000);
	t = ask_many(c, 300, 8);
	assert_true(t.yes > 20000 && t.no > 20000);
	t = ask_many(c, 100, 200);
	assert_true(t.no > 10000);
	corpus_free(c);
}

static void test_tidy(void **state)
{
	struct corpus *c = corpus_new("tidy");
	struct db *d = account_db(c->f->a);

	for (int i = 0; i < 75; i++) {
		make_texts(c, 40);
		feed(c, 40);
	}
	struct tally before = ask_many(c, 50, 8);
	tidy(c);
	/* 75 of level 0: one of level 2, one of 1, three of 0. */
	assert_int_equal(peek(d, "SELECT count(*) FROM fulltext_segment"), 5);
	assert_int_equal(peek(d, "SELECT max(level) FROM fulltext_segment"), 2);
	assert_int_equal(
		peek(d, "SELECT sum(docs) FROM fulltext_segment"), 3000);
	assert_int_equal(peek(d, "SELECT count(*) FROM fulltext_block"),
		peek(d, "SELECT sum(blocks) FROM fulltext_segment"));
	struct tally after = ask_many(c, 50, 8);
	assert_true(before.yes > 1000 && after.yes > 1000);
	corpus_free(c);
}

static void test_fuzzy(void **state)
{
	struct corpus *c = corpus_new("fuzzy");
	struct tally t = { 0 };
	char needle[TEXT_MAX];

	for (int i = 0; i < 4; i++) {
		make_texts(c, 60);
		feed(c, 60);
	}
	make_texts(c, 20);
	for (int i = 0; i < 200; i++) {
		draw_needle(c, needle, 16);
		ask_fuzzily(c, needle, 1 + draw(c, 3), &t);
	}
	assert_true(t.yes > 3000 && t.no > 3000);
	corpus_free(c);
}

/* What is deleted goes from the index with the next merge. */
static void test_gone(void **state)
{
	struct corpus *c = corpus_new("gone");
	uint64_t inbox = mailbox_id(c->f, "INBOX"), modseq;

	for (int i = 0; i < 8; i++) {
		make_texts(c, 20);
		feed(c, 20);
	}
	ok(store_begin(c->f->s));
	for (uint32_t i = 0; i < c->n; i += 2) {
		ok(message_expunge(c->f->a, inbox, i + 1, &modseq));
		c->gone[i] = true;
	}
	ok(store_commit(c->f->s, NULL));
	(void)ask_many(c, 100, 6);
	tidy(c);
	assert_int_equal(peek(account_db(c->f->a),
				 "SELECT sum(docs) FROM fulltext_segment"),
		80);
	(void)ask_many(c, 100, 6);
	corpus_free(c);
}

/* A life ends in the midst of a merge, or the index is begun anew. */
static void test_cut_short(void **state)
{
	struct corpus *c = corpus_new("cut");
	struct fulltext_tidy *t;

	for (int i = 0; i < 24; i++) {
		make_texts(c, 30);
		feed(c, 30);
	}
	for (int steps = 0; steps < 12; steps++) {
		ok(fulltext_tidy_new(c->f->a, &t));
		for (int i = 0; i < steps; i++)
			assert_int_equal(fulltext_tidy_more(t), ERR_AGAIN);
		if (steps == 8) {
			ok(store_begin(c->f->s));
			ok(fulltext_reset(c->f->a));
			ok(store_commit(c->f->s, NULL));
			for (int i = 0; i < 5; i++)
				assert_int_equal(
					fulltext_tidy_more(t), ERR_AGAIN);
		}
		fulltext_tidy_free(t);
		fixture_reopen(c->f);
		(void)ask_many(c, 10, 6);
	}
	tidy(c);
	assert_int_equal(peek(account_db(c->f->a),
				 "SELECT count(*) FROM fulltext_block"),
		0);
	feed(c, 1000);
	assert_true(ask_many(c, 30, 6).yes > 500);
	corpus_free(c);
}

static int64_t making(struct corpus *c)
{
	return peek(account_db(c->f->a),
		"SELECT count(*) FROM fulltext_segment WHERE state = 0");
}

/* What a life before was making goes, and its blocks. */
static void test_unfinished(void **state)
{
	struct corpus *c = corpus_new("unfinished");
	struct db *d;
	struct fulltext_tidy *t;

	assert_int_equal(SEGMENT_MAKING, 0);
	for (int i = 0; i < 8; i++) {
		make_texts(c, 30);
		feed(c, 30);
	}
	ok(fulltext_tidy_new(c->f->a, &t));
	while (making(c) == 0)
		assert_int_equal(fulltext_tidy_more(t), ERR_AGAIN);
	fulltext_tidy_free(t);
	fixture_reopen(c->f);
	assert_int_equal(making(c), 1);
	tidy(c);
	d = account_db(c->f->a);
	assert_int_equal(peek(d, "SELECT count(*) FROM fulltext_segment"), 1);
	assert_int_equal(peek(d, "SELECT count(*) FROM fulltext_block"),
		peek(d, "SELECT sum(blocks) FROM fulltext_segment"));
	corpus_free(c);
}

/* The index is begun anew while it is asked: nothing is known any more. */
static void test_changed_meanwhile(void **state)
{
	struct corpus *c = corpus_new("changed");
	struct fulltext_query *q;
	enum err e;

	make_texts(c, TEXTS);
	for (int i = 0; i < 20; i++)
		feed(c, TEXTS / 20);
	ok(fulltext_query_new(
		c->f->a, slice_str("a"), FULLTEXT_HEADER | FULLTEXT_BODY, &q));
	assert_int_equal(fulltext_query_more(q), ERR_AGAIN);
	ok(store_begin(c->f->s));
	ok(fulltext_reset(c->f->a));
	ok(store_commit(c->f->s, NULL));
	while ((e = fulltext_query_more(q)) == ERR_AGAIN)
		;
	ok(e);
	for (size_t i = 0; i < c->n; i++)
		assert_int_equal(fulltext_says(q, c->body[i]), FULLTEXT_MAYBE);
	fulltext_query_free(q);
	corpus_free(c);
}

/* Nor is what was fed since then kept. */
static void test_fed_meanwhile(void **state)
{
	struct corpus *c = corpus_new("fed");
	struct fulltext_batch *b;
	uint64_t upto;

	make_texts(c, 20);
	feed(c, 10);
	ok(fulltext_upto(c->f->a, &upto));
	ok(fulltext_batch_new(&b));
	ok(fulltext_body(b, c->body[10]));
	ok(store_begin(c->f->s));
	ok(fulltext_reset(c->f->a));
	assert_int_equal(
		fulltext_keep(c->f->a, b, upto, c->body[10]), ERR_CONFLICT);
	store_rollback(c->f->s);
	fulltext_batch_free(b);
	corpus_free(c);
}

/* Of a long word the beginning is looked for: that is not the whole of it. */
static void test_long_word(void **state)
{
	static const char *const word = "abcdefghijklmnopqrstuvwxyz0123456789";
	struct corpus *c = corpus_new("long");
	struct tally t = { 0 };

	make_texts(c, 2);
	snprintf(c->text[0][1], TEXT_MAX, "x %s y", word);
	snprintf(c->text[1][1], TEXT_MAX, "x %.33s y", word);
	feed(c, 2);
	ask(c, word, FULLTEXT_BODY, &t);
	assert_int_equal(t.no, 0);
	assert_int_equal(t.maybe, 2);
	corpus_free(c);
}

/* Words without end: the body is looked through instead. */
static void test_too_many_words(void **state)
{
	struct corpus *c = corpus_new("words");
	struct fulltext_batch *b;
	struct fulltext_query *q;
	uint64_t inbox = mailbox_id(c->f, "INBOX");
	char word[40];

	ok(store_begin(c->f->s));
	uint64_t first = make_one(c, inbox), second = make_one(c, inbox);
	ok(store_commit(c->f->s, NULL));
	ok(fulltext_batch_new(&b));
	ok(fulltext_body(b, first));
	for (int i = 0; i < 600000; i++) {
		snprintf(word, sizeof(word), "%d ", i);
		ok(fulltext_text(b, FULLTEXT_BODY, slice_str(word)));
	}
	assert_true(fulltext_full(b));
	ok(store_begin(c->f->s));
	ok(fulltext_keep(c->f->a, b, 0, first));
	ok(store_commit(c->f->s, NULL));
	fulltext_batch_free(b);
	ok(fulltext_query_new(c->f->a, slice_str("599999"), FULLTEXT_BODY, &q));
	enum err e;
	while ((e = fulltext_query_more(q)) == ERR_AGAIN)
		;
	ok(e);
	assert_int_equal(fulltext_says(q, first), FULLTEXT_MAYBE);
	assert_int_equal(fulltext_says(q, second), FULLTEXT_MAYBE);
	fulltext_query_free(q);
	corpus_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_long_run),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_likes),
		cmocka_unit_test(test_fuzzy),
		cmocka_unit_test(test_tidy),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_changed_meanwhile),
		cmocka_unit_test(test_fed_meanwhile),
		cmocka_unit_test(test_long_word),
		cmocka_unit_test(test_too_many_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
