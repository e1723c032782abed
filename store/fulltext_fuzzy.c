/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Text that is like the text asked for, as include/bastide/fulltext.h says.
 * The words that are found are bits, three for each word of the query: near,
 * part, whole, each with those before it. So what several places of a message
 * say of a word is joined by OR.
 */
#include "fulltext.h"

enum { NEAR = 1, PART = 3, WHOLE = 7 };
#define GRADE_BITS 3
_Static_assert(FUZZY_WORDS *GRADE_BITS < 31, "one bit is the query's own");

/* Shorter words have too many neighbours. */
#define NEAR_LETTERS 5

static bool continues(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

static size_t count_letters(struct slice word)
{
	size_t n = 0;

	for (size_t i = 0; i < word.n; i++)
		n += !continues(word.p[i]);
	return n;
}

static enum err take_word(void *arg, struct slice word)
{
	struct fulltext_fuzzy *f = arg;

	if (f->n == FUZZY_WORDS)
		return ERR_OK;
	word = words_head(word);
	struct fuzzy_word *to = &f->word[f->n++];
	memcpy(to->p, word.p, word.n);
	to->n = word.n;
	to->may_be_near = count_letters(word) >= NEAR_LETTERS;
	return ERR_OK;
}

enum err fulltext_fuzzy_new(struct slice folded, struct fulltext_fuzzy **out)
{
	struct fulltext_fuzzy *f = mem_new(struct fulltext_fuzzy);

	if (!f)
		return ERR_NOMEM;
	enum err e = words_feed(&f->cutter, folded, take_word, f);
	if (e == ERR_OK)
		e = words_end(&f->cutter, take_word, f);
	if (e == ERR_OK && f->n == 0)
		e = ERR_UNSUPPORTED;
	if (e != ERR_OK) {
		fulltext_fuzzy_free(f);
		return e;
	}
	*out = f;
	return ERR_OK;
}

void fulltext_fuzzy_free(struct fulltext_fuzzy *f)
{
	if (!f)
		return;
	mem_wipe(f, sizeof(*f));
	mem_free(f);
}

/* --- one word against another ------------------------------------------------------ */

static size_t common_head(struct slice a, struct slice b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	while (n && ((n < a.n && continues(a.p[n])) ||
			    (n < b.n && continues(b.p[n]))))
		n--;
	return n;
}

static size_t common_tail(struct slice a, struct slice b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[a.n - n - 1] == b.p[b.n - n - 1])
		n++;
	while (n && continues(a.p[a.n - n]))
		n--;
	return n;
}

/* One letter more, less or other. */
static bool is_near(struct slice a, struct slice b)
{
	size_t head = common_head(a, b);

	a = slice_from(a, head);
	b = slice_from(b, head);
	size_t tail = common_tail(a, b);
	return count_letters(slice_head(a, a.n - tail)) <= 1 &&
	       count_letters(slice_head(b, b.n - tail)) <= 1;
}

static uint32_t grade(const struct fuzzy_word *asked, struct slice word)
{
	struct slice want = slice_of(asked->p, asked->n);

	if (slice_find_slice(word, want) <= word.n)
		return word.n == want.n ? WHOLE : PART;
	/* No letter has more than four bytes. */
	if (!asked->may_be_near || word.n > want.n + 4 || want.n > word.n + 4)
		return 0;
	return is_near(want, word) ? NEAR : 0;
}

uint32_t fuzzy_bits(const struct fulltext_fuzzy *f, struct slice word)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < f->n; i++)
		bits |= grade(&f->word[i], word) << (i * GRADE_BITS);
	return bits;
}

unsigned fuzzy_score(const struct fulltext_fuzzy *f, uint32_t bits)
{
	static const unsigned scores[] = {
		[NEAR] = 1, [PART] = 50, [WHOLE] = 100
	};
	unsigned sum = 0;

	for (size_t i = 0; i < f->n; i++) {
		unsigned score = scores[bits >> (i * GRADE_BITS) & WHOLE];
		if (score == 0)
			return 0;
		sum += score;
	}
	return sum / (unsigned)f->n;
}

/* --- a text --------------------------------------------------------------------------- */

static enum err look_at(void *arg, struct slice word)
{
	struct fulltext_fuzzy *f = arg;

	f->found |= fuzzy_bits(f, word);
	return ERR_OK;
}

void fulltext_fuzzy_begin(struct fulltext_fuzzy *f)
{
	f->cutter = (struct word_cutter){ 0 };
	f->found = 0;
}

enum err fulltext_fuzzy_text(struct fulltext_fuzzy *f, struct slice folded)
{
	return words_feed(&f->cutter, folded, look_at, f);
}

enum err fulltext_fuzzy_break(struct fulltext_fuzzy *f)
{
	return words_end(&f->cutter, look_at, f);
}

unsigned fulltext_fuzzy_score(const struct fulltext_fuzzy *f)
{
	return fuzzy_score(f, f->found);
}
