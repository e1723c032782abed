/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside SEARCH. The keys are a program in postfix order (search_parse.c): a
 * leaf leaves its truth on a stack; NOT, OR and AND take theirs from it. What
 * needs the sealed text is "unknown" at first, and looked at only where the
 * rest leaves the answer open (search_match.c).
 */
#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

#include <bastide/fulltext.h>

#include "imap.h"

enum search_op {
	OP_AND, /* of `number` operands */
	OP_OR,
	OP_NOT,
	OP_ALL,
	OP_FLAG,     /* all bits of `number` are set */
	OP_NOT_FLAG, /* none is */
	OP_KEYWORD,  /* text */
	OP_UNKEYWORD,
	OP_RECENT,
	OP_OLD,
	OP_NEW,
	OP_LARGER,
	OP_SMALLER,
	OP_BEFORE, /* internal date; `day` */
	OP_ON,
	OP_SINCE,
	OP_OLDER, /* seconds in `number` (RFC 5032) */
	OP_YOUNGER,
	OP_SAVEDBEFORE, /* RFC 8514 4.3 */
	OP_SAVEDON,
	OP_SAVEDSINCE,
	OP_SENTBEFORE,
	OP_SENTON,
	OP_SENTSINCE,
	OP_SEQ, /* set */
	OP_UID,
	OP_MODSEQ,
	OP_EMAILID,  /* text (RFC 8474 6) */
	OP_THREADID, /* of no message: it is NIL everywhere */
	OP_FROM,     /* text, folded */
	OP_TO,
	OP_CC,
	OP_BCC,
	OP_SUBJECT,
	OP_HEADER, /* field and text */
	OP_BODY,
	OP_TEXT,
};

struct search_key {
	enum search_op op;
	uint64_t number;
	int64_t day;
	struct slice field, text;
	struct set set;
	unsigned bit; /* of the keyword; LIMIT_KEYWORDS: there is none */
	bool fuzzy;   /* it is below FUZZY (RFC 6203) */
	struct fulltext_fuzzy *like;  /* what that means of its text, or NULL */
	struct fulltext_query *query; /* what the index says; NULL: nothing */
	bool needed; /* no message is found without it (search_index.c) */
};

/* Where it searches. */
struct search_target {
	struct account *account;
	uint64_t mailbox;
	uint32_t uidnext; /* UIDs below */
	uint32_t recent;  /* from here on \Recent */
	bool selected;    /* only what the client knows, with its numbers */
};

struct search_program {
	struct search_target at;
	struct search_key *keys;
	size_t n;
	bool meta;    /* some key needs the envelope or structure */
	bool modseq;  /* RFC 7162 3.1.5: the reply names the highest */
	bool fuzzy;   /* some key is below FUZZY */
	bool moving;  /* some UID set is of the last message alone */
	bool scored;  /* the reply depends on how relevant a message is */
	int64_t now;  /* for OLDER and YOUNGER */
	size_t asked; /* keys for which the index was asked */
	enum mail_collation collation;
};

/* --- search_parse.c --------------------------------------------------------------- */
/* "[CHARSET x] key key..." to the end, with the space before it; with
 * `charset_first` the charset stands there by itself (RFC 5256 5). `error_code`
 * is set for BADCHARSET. */
MUST_CHECK enum err search_parse(struct imap *i, struct cursor *c,
	bool charset_first, struct search_program *out);
/* Its two halves. Reads, without an end of the line beyond it: `c` is behind the
 * space. */
MUST_CHECK enum err search_read(struct imap *i, struct cursor *c,
	bool charset_first, struct search_program *out);
/* Sets and keywords become what they are at the target. ERR_UNSUPPORTED: they
 * are of the selected mailbox alone. */
MUST_CHECK enum err search_resolve(struct imap *i, struct search_program *p);
struct search_target search_selected(const struct imap *i);
/* As view_rows(). */
MUST_CHECK enum err search_rows(const struct search_target *t,
	const struct set *set, uint32_t *next, unsigned what,
	struct arena *arena, struct message_row *rows, size_t max,
	size_t *n_out);
/* For later: what it borrows is copied into the arena. ERR_NOMEM: no room. */
MUST_CHECK enum err search_program_copy(struct arena *a,
	const struct search_program *p, struct search_program *out);
/* Only a change of a message changes whether it is found. */
bool search_program_lasts(const struct search_program *p);
/* Keywords that did not exist may do so now. */
MUST_CHECK enum err search_keywords(struct search_program *p);
/* RELEVANCY is asked for: ERR_SYNTAX without FUZZY (RFC 6203 4, 6). */
MUST_CHECK enum err search_relevancy(
	struct imap *i, struct search_program *p, bool asked);

/* --- search_match.c: the one place where a message is judged ------------------------ */
/* `row` has its metadata when program.meta. `scratch` is emptied by the
 * caller between rows. The score is 0 when it is not found, else 1 to 100: the
 * mean of those of the fuzzy keys that hold, when the program is scored. */
MUST_CHECK enum err search_match(const struct search_program *p,
	const struct message_row *row, struct arena *scratch,
	unsigned *score_out);
/* search_text.c: what is looked for, in one text after another. */
struct search_needle {
	enum mail_collation collation;
	struct slice text;           /* collated */
	struct fulltext_fuzzy *like; /* instead of it, or NULL */
	unsigned score; /* 0: not found so far; 100: look no more */
};
/* Looks in one whole text. */
MUST_CHECK enum err search_look(struct search_needle *n, struct slice folded);
MUST_CHECK enum err search_text(struct account *from,
	const struct message_row *row, struct arena *scratch,
	struct search_needle *needle, bool with_header);
MUST_CHECK enum err search_header(struct account *from,
	const struct message_row *row, struct arena *scratch,
	struct slice field, struct search_needle *needle);
/* Collation makes a field longer (mail_fold). */
#define SEARCH_FIELD_MAX (LIMIT_FIELD * 12)

/* --- search_index.c: the index of words ---------------------------------------------- */
/* Only after search_parse(); the end is search_index_free() in any case. */
MUST_CHECK enum err search_index_begin(struct search_program *p);
/* ERR_AGAIN while the index is being asked. */
MUST_CHECK enum err search_index_more(struct search_program *p);
void search_index_free(struct search_program *p);
/* Only some messages can be found: */
bool search_index_narrows(const struct search_program *p);
/* these, as struct range of UIDs, from *next on. ERR_AGAIN while there is
 * more. */
MUST_CHECK enum err search_index_narrow(
	const struct search_program *p, uint32_t *next, struct buf *ranges);

/* --- search_scan.c: a walk over the mailbox, in slices ------------------------------- */
struct search_hit {
	uint64_t modseq;
	uint32_t uid, seq;
	uint8_t score; /* 1 to 100 */
	bool returned; /* search_return.c: the answer names it */
};
#define SEARCH_BATCH 16
enum scan_step { SCAN_BEGIN, SCAN_ASK, SCAN_NARROW, SCAN_ROWS };
struct search_scan {
	enum scan_step step;
	struct search_program program;
	size_t enough; /* so many hits are all that is asked for */
	uint32_t next; /* UID of the next batch, 0 at the end */
	struct arena *arena, *scratch;
	struct message_row rows[SEARCH_BATCH];
	size_t n, at;
	struct buf ranges; /* of UIDs that are walked over */
	struct buf hits;   /* of struct search_hit, in mailbox order */
	/* Told of each hit, or NULL. */
	enum err (*found)(struct imap *i, void *arg,
		const struct message_row *row, const struct search_hit *hit);
	void *arg;
};
/* The program is parsed already. */
MUST_CHECK enum err search_scan_begin(struct search_scan *s);
/* ERR_AGAIN while there is more. */
MUST_CHECK enum err search_scan_more(struct imap *i, struct search_scan *s);
void search_scan_free(struct search_scan *s);
size_t search_n_hits(const struct search_scan *s);

/* --- search_order.c: sorting in slices ------------------------------------------------ */
struct order {
	uint32_t *list; /* indexes, sorted at the end */
	uint32_t *spare;
	size_t n;
	size_t width, start, left, right; /* of the runs being merged */
	int (*compare)(const void *arg, uint32_t a, uint32_t b);
	const void *arg;
};
/* Of the indexes below `n`; `compare` and `arg` are set. */
MUST_CHECK enum err order_begin(struct order *o, size_t n);
MUST_CHECK enum err order_more(struct order *o);
void order_free(struct order *o);

/* --- sort_key.c: what SORT compares ----------------------------------------------------- */
#define SORT_CRITERIA_MAX 16
struct sort_keys {
	struct {
		unsigned is;
		bool reverse;
	} by[SORT_CRITERIA_MAX];
	size_t n_by;
	bool meta;      /* the keys need the envelope */
	bool relevancy; /* one is RELEVANCY */
	enum mail_collation collation;
	struct buf keys;      /* behind one another */
	struct buf text, raw; /* scratch */
};
/* " (REVERSE DATE SUBJECT)" into a zeroed struct. */
bool sort_keys_parse(struct cursor *c, struct sort_keys *s);
/* `max`: bytes of all keys. */
void sort_keys_init(struct sort_keys *s, size_t max);
void sort_keys_free(struct sort_keys *s);
MUST_CHECK enum err sort_keys_add(struct sort_keys *s,
	const struct message_row *row, unsigned score, struct arena *scratch);

/* --- search_return.c: RETURN (...) and the ESEARCH response --------------------------- */
enum {
	RETURN_MIN = 1, /* RFC 4731 3.1 */
	RETURN_MAX = 2,
	RETURN_ALL = 4,
	RETURN_COUNT = 8,
	RETURN_SAVE = 16,      /* RFC 5182 */
	RETURN_PARTIAL = 32,   /* RFC 9394 3.1 */
	RETURN_RELEVANCY = 64, /* RFC 6203 4 */
	RETURN_UPDATE = 128,   /* RFC 5267 4.3 */
	RETURN_DATA = RETURN_MIN | RETURN_MAX | RETURN_ALL | RETURN_COUNT |
		      RETURN_PARTIAL | RETURN_RELEVANCY,
};
struct search_return {
	bool extended; /* the answer is ESEARCH */
	unsigned what;
	struct partial partial;
	struct slice update; /* UPDATE's items, "(UID FLAGS)"; or NULL */
	const struct mailbox_row *in; /* ESEARCH names it (RFC 7377 2.1) */
};
/* " RETURN (...)", if it is there; with REV2 the answer is ESEARCH always. */
bool search_return_parse(
	struct imap *i, struct cursor *c, struct search_return *out);
/* How many hits are needed for the answer; SIZE_MAX: all. */
size_t search_return_enough(const struct search_return *r);
/* Writes the response and saves the result, as far as asked for. `name` is that
 * of the plain response; `order` has the indexes of all hits, NULL: as they are. */
MUST_CHECK enum err search_return_answer(struct imap *i,
	const struct search_return *r, const struct search_scan *s,
	const char *name, const uint32_t *order);
/* A searching command that was to save fails with `e` (RFC 5182 2.1). */
void search_return_failed(
	struct imap *i, const struct search_return *r, enum err e);

#endif
