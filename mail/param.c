/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * "head; name=value; name="quoted"" of Content-Type and Content-Disposition
 * (RFC 2045 5.1, RFC 2183 2). Tolerant: unquoted values with specials run to
 * the next ';', broken parameters are left out.
 */
#include <bastide/cursor.h>
#include <bastide/mail.h>

#define PARAMS_MAX 64

static void skip_blanks_and_comments(struct cursor *c)
{
	unsigned depth = 0;

	while (c->p < c->end) {
		char ch = *c->p;
		if (ch == '(')
			depth++;
		else if (ch == ')' && depth)
			depth--;
		else if (ch == '\\' && depth && c->p + 1 < c->end)
			c->p++;
		else if (!depth && ch != ' ' && ch != '\t' && ch != '\r' &&
			 ch != '\n')
			return;
		c->p++;
	}
}

static bool is_name(unsigned char ch)
{
	return ch > ' ' && ch != 127 && !strchr("()<>@,;:\\\"/[]?=", ch);
}

static bool is_plain_value(unsigned char ch)
{
	return ch != ';' && ch > ' ' && ch != '(' && ch != '"';
}

static bool quoted_value(struct cursor *c, struct arena *a, struct slice *out)
{
	char *p = arena_alloc(a, (size_t)(c->end - c->p));
	size_t n = 0;

	if (!p)
		return false;
	c->p++;
	while (c->p < c->end && *c->p != '"') {
		if (*c->p == '\\' && c->p + 1 < c->end)
			c->p++;
		if (*c->p != '\r' && *c->p != '\n')
			p[n++] = *c->p;
		c->p++;
	}
	(void)p_char(c, '"');
	*out = slice_of(p, n);
	return true;
}

static bool one_param(struct cursor *c, struct arena *a, struct mail_param *out)
{
	if (!p_run(c, is_name, &out->name))
		return false;
	skip_blanks_and_comments(c);
	if (!p_char(c, '='))
		return false;
	skip_blanks_and_comments(c);
	if (p_peek(c) == '"')
		return quoted_value(c, a, &out->value);
	return p_run(c, is_plain_value, &out->value);
}

static void skip_to_next(struct cursor *c)
{
	while (c->p < c->end && *c->p != ';')
		c->p++;
}

enum err mail_params_parse(struct arena *a, struct slice value,
	struct slice *head, struct mail_params *out)
{
	struct mail_param list[PARAMS_MAX];
	size_t n = 0;
	struct slice text = arena_copy(a, slice_head(value, LIMIT_FIELD));

	if (!text.p)
		return ERR_NOMEM;
	struct cursor c = cursor_of(text);
	skip_blanks_and_comments(&c);
	const char *start = c.p;
	while (c.p < c.end && *c.p != ';' && *c.p != '(')
		c.p++;
	*head = slice_trim(slice_of(start, (size_t)(c.p - start)));
	for (skip_to_next(&c); p_char(&c, ';') && n < PARAMS_MAX;
		skip_to_next(&c)) {
		skip_blanks_and_comments(&c);
		if (one_param(&c, a, &list[n]))
			n++;
	}
	out->n = n;
	out->list = n ? arena_array(a, struct mail_param, n) : NULL;
	if (n && !out->list)
		return ERR_NOMEM;
	if (n)
		memcpy(out->list, list, n * sizeof(list[0]));
	return ERR_OK;
}

struct slice mail_param(const struct mail_params *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (slice_ieqs(p->list[i].name, name))
			return p->list[i].value;
	return slice_of(NULL, 0);
}
