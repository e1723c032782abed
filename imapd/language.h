/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The languages of human-readable texts (RFC 5255 3). A text is written in
 * English where it is made, and looked up in a table when it goes out in another
 * language: what is not in the table stays English. Shared by front/ and
 * session/.
 */
#ifndef IMAPD_LANGUAGE_H
#define IMAPD_LANGUAGE_H

#include <bastide/buf.h>
#include <bastide/cursor.h>
#include <bastide/mem.h>

/* i-default is English that anybody may see (RFC 2277 4.5). */
enum language { LANGUAGE_DEFAULT, LANGUAGE_EN, LANGUAGE_FR, LANGUAGE_COUNT };

const char *language_tag(enum language l);
/* The language that a range asks for: "fr-CA" is "fr" here, "default" and "*"
 * are i-default. False: not spoken. */
bool language_find(struct slice range, enum language *out);
/* The arguments of LANGUAGE. ERR_SYNTAX; ERR_UNSUPPORTED: none of them is
 * spoken. Without arguments *out is LANGUAGE_COUNT. */
MUST_CHECK enum err language_parse(
	struct cursor *c, struct arena *a, enum language *out);
/* "* LANGUAGE (fr)", or all when it is LANGUAGE_COUNT. */
void language_put(struct buf *b, enum language l);
/* `english`, or what it is in `l`. */
const char *language_text(enum language l, const char *english);

#endif
