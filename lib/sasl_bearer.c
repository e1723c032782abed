/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The messages of the two mechanisms that carry a bearer token:
 *
 *	OAUTHBEARER  n,a=user,^Ahost=..^Aport=..^Aauth=Bearer token^A^A
 *	XOAUTH2      user=user^Aauth=Bearer token^A^A
 *
 * (RFC 7628 3.1; Google's and Microsoft's documents.) What `host` and `port`
 * say is not compared: a server has many names, and no port is its only one.
 */
#include <bastide/cursor.h>
#include <bastide/limits.h>

#include "scram.h"

#define KVSEP '\1'

static bool is_name(unsigned char c)
{
	return c >= 0x20 && c != ',' && c != 0x7f;
}

static bool is_user(unsigned char c)
{
	return c >= 0x20 && c != 0x7f;
}

static bool is_alpha(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* VCHAR / SP / HTAB / CR / LF (RFC 7628 3.1) */
static bool is_value(unsigned char c)
{
	return (c >= 0x20 && c <= 0x7e) || c == '\t' || c == '\r' || c == '\n';
}

/* b64token (RFC 6750 2.1) */
static bool is_token(unsigned char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~' || c == '+' || c == '/' || c == '=';
}

/* gs2-header (RFC 5801 4); there is no mechanism with channel binding. */
static bool p_gs2(struct cursor *c, struct slice *name)
{
	return (p_char(c, 'n') || p_char(c, 'y')) && p_char(c, ',') &&
	       p_word(c, "a=") && p_run(c, is_name, name) && p_char(c, ',') &&
	       p_char(c, KVSEP);
}

static bool p_google(struct cursor *c, struct slice *name)
{
	return p_word(c, "user=") && p_run(c, is_user, name) &&
	       p_char(c, KVSEP);
}

/* "Bearer" SP token (RFC 6750 2.1); the scheme's case is free (RFC 9110
 * 11.1). */
static bool bearer(struct slice value, struct slice *token)
{
	struct cursor c = cursor_of(value);

	if (!p_word(&c, "Bearer "))
		return false;
	while (p_sp(&c))
		;
	return p_run(&c, is_token, token) && p_end(&c);
}

/* Key/value pairs, unknown ones ignored, and one KVSEP behind them. */
static bool p_pairs(struct cursor *c, struct slice *token)
{
	struct slice key, value;
	bool found = false;

	while (!p_char(c, KVSEP)) {
		value = slice_of("", 0);
		if (!p_run(c, is_alpha, &key) || !p_char(c, '='))
			return false;
		(void)p_run(c, is_value, &value);
		if (!p_char(c, KVSEP))
			return false;
		if (!slice_eqs(key, "auth"))
			continue;
		if (found || !bearer(value, token))
			return false;
		found = true;
	}
	return found && p_end(c);
}

enum err sasl_bearer_parse(struct slice mechanism, struct slice message,
	struct buf *user, struct slice *token)
{
	struct cursor c = cursor_of(message);
	bool google = slice_ieqs(mechanism, "XOAUTH2");
	struct slice name;

	if (message.n > LIMIT_SASL_MESSAGE)
		return ERR_LIMIT;
	if (!(google ? p_google(&c, &name) : p_gs2(&c, &name)) ||
		name.n > LIMIT_ADDRESS * 3 || !p_pairs(&c, token))
		return ERR_SYNTAX;
	if (!google)
		return sasl_name(name, user);
	return utf8_valid(name) ? buf_add_slice(user, name) : ERR_SYNTAX;
}
