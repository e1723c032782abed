/* SPDX-License-Identifier: EUPL-1.2 */
/* Patterns of LIST (RFC 3501 6.3.8): bounded work, whatever the pattern. */
#include "list.h"

/* A wildcard that can still take one more character, and where. */
struct retry {
	size_t pattern, name;
	bool open;
};

static bool step_back(struct retry *percent, struct retry *star,
	struct slice name, size_t *p, size_t *n)
{
	if (percent->open && percent->name < name.n &&
		name.p[percent->name] != '/') {
		*p = percent->pattern;
		*n = ++percent->name;
		return true;
	}
	percent->open = false;
	if (!star->open || star->name >= name.n)
		return false;
	*p = star->pattern;
	*n = ++star->name;
	return true;
}

/* '*' takes everything, '%' everything but '/'. */
static bool matches(struct slice pattern, struct slice name)
{
	struct retry star = { 0 }, percent = { 0 };
	size_t p = 0, n = 0;

	while (p < pattern.n || n < name.n) {
		char c = p < pattern.n ? pattern.p[p] : 0;
		if (c == '*') {
			star = (struct retry){ ++p, n, true };
			percent.open = false;
		} else if (c == '%') {
			percent = (struct retry){ ++p, n, true };
		} else if (p < pattern.n && n < name.n && c == name.p[n]) {
			p++;
			n++;
		} else if (!step_back(&percent, &star, name, &p, &n)) {
			return false;
		}
	}
	return true;
}

/* Runs of wildcards are one: "*" when one is in them. Bounds the matching. */
struct slice list_pattern(
	struct arena *a, struct slice reference, struct slice pattern)
{
	char *p = arena_alloc(a, reference.n + pattern.n + 1);
	size_t n = 0;

	for (size_t k = 0; p && k < reference.n + pattern.n; k++) {
		char c = k < reference.n ? reference.p[k]
					 : pattern.p[k - reference.n];
		bool wild = c == '*' || c == '%';
		bool before = n && (p[n - 1] == '*' || p[n - 1] == '%');
		if (wild && before)
			p[n - 1] = c == '*' ? c : p[n - 1];
		else
			p[n++] = c;
	}
	/* INBOX is the same in any case, also as the start of a pattern. */
	if (p && n >= 5 && slice_iprefix(slice_of(p, n), "INBOX") &&
		(n == 5 || p[5] == '/' || p[5] == '*' || p[5] == '%'))
		memcpy(p, "INBOX", 5);
	return slice_of(p, n);
}

bool list_matches(const struct list *l, struct slice name)
{
	for (size_t k = 0; k < l->n_patterns; k++)
		if (matches(l->patterns[k], name))
			return true;
	return false;
}
