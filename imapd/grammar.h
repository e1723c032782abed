/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The strings of IMAP (RFC 9051 9), over a whole command in memory: a literal
 * stands in it as "{n}\r\n" and its bytes. Shared by front/ and session/.
 */
#ifndef IMAPD_GRAMMAR_H
#define IMAPD_GRAMMAR_H

#include <bastide/cursor.h>
#include <bastide/mem.h>

bool is_astring_char(unsigned char c);
bool is_tag_char(unsigned char c);
bool imap_atom(struct cursor *c, struct slice *out);
/* Quoted or literal; the unescaped copy lies in the arena. */
bool imap_string(struct cursor *c, struct arena *a, struct slice *out);
bool imap_astring(struct cursor *c, struct arena *a, struct slice *out);

#endif
