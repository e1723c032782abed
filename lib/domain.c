/* SPDX-License-Identifier: EUPL-1.2 */
/* Domain names and addresses in their normal form. */
#include <idn2.h>

#include <bastide/domain.h>
#include <bastide/mem.h>

#define DOMAIN_MAX 253 /* RFC 1035 2.3.4, without the root's dot */
#define LABEL_MAX 63

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* RFC 1123 2.1, and "_" as it is found in practice. */
static bool is_label(struct slice s)
{
	if (!s.n || s.n > LABEL_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			c != '-' && c != '_')
			return false;
	}
	return true;
}

static enum err ascii_normal(struct slice domain, struct buf *out)
{
	struct slice rest = domain;

	if (!domain.n || domain.n > DOMAIN_MAX || domain.p[domain.n - 1] == '.')
		return ERR_SYNTAX;
	while (rest.n)
		if (!is_label(slice_cut(rest, '.', &rest)))
			return ERR_SYNTAX;
	for (size_t i = 0; i < domain.n; i++)
		TRY(buf_addc(out, ascii_lower(domain.p[i])));
	return ERR_OK;
}

enum err domain_normal(struct slice domain, struct buf *out)
{
	char *ascii = NULL;

	if (is_ascii(domain))
		return ascii_normal(domain, out);
	if (domain.n > DOMAIN_MAX * 4 || !utf8_valid(domain) ||
		slice_find(domain, '\0') < domain.n)
		return ERR_SYNTAX;
	char *text = mem_str(domain);
	if (!text)
		return ERR_NOMEM;
	/* TR46 mapping folds case and width as browsers and clients do. */
	int r = idn2_to_ascii_8z(
		text, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	mem_free(text);
	if (r != IDN2_OK)
		return r == IDN2_MALLOC ? ERR_NOMEM : ERR_SYNTAX;
	enum err e = ascii_normal(slice_str(ascii), out);
	idn2_free(ascii);
	return e;
}

static size_t last_at(struct slice address)
{
	size_t at = address.n;

	while (at && address.p[at - 1] != '@')
		at--;
	return at;
}

struct slice address_domain(struct slice address)
{
	size_t at = last_at(address);

	return at ? slice_from(address, at) : slice_of(NULL, 0);
}

enum err address_normal(struct slice address, struct buf *out)
{
	size_t at = last_at(address), begin = out->n;

	if (address.n > LIMIT_ADDRESS)
		return ERR_LIMIT;
	if (at < 2 || !utf8_valid(address))
		return ERR_SYNTAX;
	for (size_t i = 0; i < at - 1; i++) {
		unsigned char c = (unsigned char)address.p[i];
		if (c < 0x20 || c == 0x7f)
			return ERR_SYNTAX;
		TRY(buf_addc(out, ascii_lower((char)c)));
	}
	TRY(buf_addc(out, '@'));
	TRY(domain_normal(slice_from(address, at), out));
	/* A-labels are longer than what they stand for. */
	return out->n - begin > LIMIT_ADDRESS ? ERR_LIMIT : ERR_OK;
}
