/* SPDX-License-Identifier: EUPL-1.2 */
/* MAIL (RFC 5321 4.1.1.2; SIZE RFC 1870; 8BITMIME RFC 6152; SMTPUTF8 RFC 6531). */
#include "smtp.h"

struct parameters {
	uint64_t size;
	uint32_t flags;
	int code; /* of the refusal; 0: fine */
	const char *enhanced, *text;
};

static void refuse(
	struct parameters *p, int code, const char *enhanced, const char *text)
{
	p->code = code;
	p->enhanced = enhanced;
	p->text = text;
}

static void one(struct parameters *p, struct slice name, struct slice value)
{
	if (slice_ieqs(name, "SIZE")) {
		if (num_u64(value, &p->size) != ERR_OK)
			refuse(p, 501, "5.5.4", "SIZE is a number");
		else if (p->size > LIMIT_MESSAGE)
			refuse(p, 552, "5.3.4", "The message is too large");
	} else if (slice_ieqs(name, "BODY")) {
		if (slice_ieqs(value, "8BITMIME"))
			p->flags |= SMTP_8BIT;
		else if (!slice_ieqs(value, "7BIT"))
			refuse(p, 501, "5.5.4", "BODY is 7BIT or 8BITMIME");
	} else if (slice_ieqs(name, "SMTPUTF8") && value.n == 0) {
		p->flags |= SMTP_UTF8;
	} else if (!slice_ieqs(name, "AUTH")) { /* RFC 4954 5: not trusted */
		refuse(p, 555, "5.5.4", "Unknown parameter");
	}
}

static struct parameters parameters(struct slice rest)
{
	struct parameters p = { 0 };

	rest = slice_trim(rest);
	while (rest.n && p.code == 0) {
		struct slice value, name = slice_cut(rest, ' ', &rest);
		name = slice_cut(name, '=', &value);
		one(&p, name, value);
		rest = slice_trim(rest);
	}
	return p;
}

static bool in_order(struct smtp *s)
{
	if (s->helo[0] == 0)
		smtp_bad(s, 503, "5.5.1", "Say EHLO first");
	else if (s->mail)
		smtp_bad(s, 503, "5.5.1", "One MAIL at a time");
	else if (s->submission && !s->signed_in)
		smtp_bad(s, 530, "5.7.0", "Sign in first");
	else
		return true;
	return false;
}

void verb_mail(struct smtp *s, struct cursor *c)
{
	if (!in_order(s))
		return;
	struct slice all = cursor_rest(c);
	/* SMTPUTF8 stands behind the address it allows. */
	struct cursor look = *c;
	struct slice raw;
	bool utf8 = p_until(&look, '>', &raw) &&
		    (parameters(slice_from(cursor_rest(&look), 1)).flags &
			    SMTP_UTF8);
	if (!p_word(c, " FROM:") || (p_sp(c), false) ||
		!smtp_path(c, true, utf8, s->from, sizeof(s->from))) {
		smtp_bad(s, 501, all.n ? "5.1.7" : "5.5.4",
			"MAIL FROM:<address>");
		return;
	}
	struct parameters p = parameters(cursor_rest(c));
	if (p.code) {
		smtp_bad(s, p.code, p.enhanced, p.text);
		return;
	}
	s->mail = true;
	s->size = p.size;
	s->flags = p.flags | (s->esmtp ? SMTP_ESMTP : 0);
	smtp_say(s, 250, "2.1.0", "Sender OK");
}
