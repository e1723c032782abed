/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside SEARCH. The keys are a program in postfix order (search_parse.c): a
 * leaf leaves its truth on a stack; NOT, OR and AND take theirs from it. What
 * needs the sealed text is "unknown" at first, and looked at only where the
 * rest leaves the answer open (search_match.c).
 */
#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

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
	OP_SENTBEFORE,
	OP_SENTON,
	OP_SENTSINCE,
	OP_SEQ, /* set */
	OP_UID,
	OP_MODSEQ,
	OP_FROM, /* text, folded */
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
};

struct search_program {
	struct search_key *keys;
	size_t n;
	bool meta;   /* some key needs the envelope or structure */
	bool modseq; /* RFC 7162 3.1.5: the reply names the highest */
};

/* `error_code` is set for BADCHARSET. */
MUST_CHECK enum err search_parse(struct imap *i, struct search_program *out);
/* `row` has its metadata when program.meta. `scratch` is emptied by the
 * caller between rows. */
MUST_CHECK enum err search_match(struct imap *i, const struct search_program *p,
	const struct message_row *row, struct arena *scratch, bool *out);
/* search_text.c: is the folded `needle` in the text of the message? */
MUST_CHECK enum err search_text(struct imap *i, const struct message_row *row,
	struct arena *scratch, struct slice needle, bool with_header,
	bool *out);
MUST_CHECK enum err search_header(struct imap *i, const struct message_row *row,
	struct arena *scratch, struct slice field, struct slice needle,
	bool *out);

#endif
