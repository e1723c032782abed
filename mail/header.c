/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Header blocks: fields one after another, folded lines kept together
 * (RFC 5322 2.2). Bare LF counts as a line end too: old mail on disks has it,
 * and the offsets given to clients are those of the bytes as they are.
 */
#include <bastide/mail.h>

/* Length of the line at the start of `s`, with its LF. */
static size_t line_length(struct slice s)
{
	size_t at = slice_find(s, '\n');

	return at < s.n ? at + 1 : s.n;
}

static bool is_empty_line(struct slice line)
{
	return (line.n == 1 && line.p[0] == '\n') ||
	       (line.n == 2 && line.p[0] == '\r' && line.p[1] == '\n');
}

static bool begins_with_blank(struct slice s)
{
	return s.n && (s.p[0] == ' ' || s.p[0] == '\t');
}

static struct slice without_line_end(struct slice s)
{
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/* A field name is printable ASCII without colon; blanks may stand before the
 * colon (obs-optional, RFC 5322 4.5.8). */
static struct slice field_name(struct slice line, size_t colon)
{
	struct slice name = slice_head(line, colon);

	while (name.n &&
		(name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' ||
			(unsigned char)name.p[i] >= 127)
			return slice_of(name.p, 0);
	return name;
}

bool mail_next_field(struct slice *rest, struct mail_field *out)
{
	size_t n = line_length(*rest);

	if (n == 0 || is_empty_line(slice_head(*rest, n)))
		return false;
	while (begins_with_blank(slice_from(*rest, n))) {
		struct slice next = slice_from(*rest, n);
		n += line_length(next);
	}
	out->raw = slice_head(*rest, n);
	size_t colon = slice_find(out->raw, ':');
	out->name = colon < out->raw.n ? field_name(out->raw, colon)
				       : slice_of(out->raw.p, 0);
	out->value = without_line_end(
		slice_from(out->raw, out->name.n ? colon + 1 : 0));
	*rest = slice_from(*rest, n);
	return true;
}

struct slice mail_find_field(struct slice header, const char *name)
{
	struct mail_field f;

	while (mail_next_field(&header, &f))
		if (slice_ieqs(f.name, name))
			return f.value;
	return slice_of(NULL, 0);
}

struct slice mail_unfold(struct arena *a, struct slice value)
{
	value = slice_trim(slice_head(value, LIMIT_FIELD));
	char *out = arena_alloc(a, value.n + 1);
	size_t n = 0;

	if (!out)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\r' || c == '\n')
			continue;
		bool control = (unsigned char)c < ' ' && c != '\t';
		out[n++] = control || c == 127 ? ' ' : c;
	}
	return slice_of(out, n);
}
