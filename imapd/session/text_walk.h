/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Walks over all text of one message that SEARCH looks at: the header of the
 * message and of each part and message in it, field by field, with encoded
 * words decoded; and parts of type text, decoded. All in UTF-8, collated. One
 * producer for the scan (search_text.c) and the index (indexer.c), so that both
 * see the same.
 */
#ifndef IMAPD_TEXT_WALK_H
#define IMAPD_TEXT_WALK_H

#include <bastide/fulltext.h>
#include <bastide/mail.h>

struct text_sink {
	/* A field, or a piece of a part's text. `zone` is FULLTEXT_HEADER for
	 * the message's own header, FULLTEXT_BODY for the rest. */
	enum err (*text)(void *arg, unsigned zone, struct slice folded);
	/* The field or part is over. */
	enum err (*end)(void *arg);
	void *arg;
};

struct text_walk;
/* `scratch` keeps what the walk reads until its end. `zones`: what is wanted.
 * Nothing is read yet. */
MUST_CHECK enum err text_walk_new(struct account *a, uint64_t body,
	uint64_t size, struct slice structure, unsigned zones,
	enum mail_collation collation, struct arena *scratch,
	const struct text_sink *sink, struct text_walk **out);
/* At most about 64 KiB of the message. ERR_AGAIN: there is more. Errors of the
 * sink end it. */
MUST_CHECK enum err text_walk_more(struct text_walk *w);
/* Begins anew, with the text of one part and nothing else. */
void text_walk_only(struct text_walk *w, size_t part);
const struct mail_structure *text_walk_structure(const struct text_walk *w);
void text_walk_free(struct text_walk *w);

#endif
