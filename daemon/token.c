/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Is this token good? In this order, so that nothing of a stranger's claims is
 * looked at: the form (RFC 7515 3.1), the header, the signature, then the
 * claims (RFC 7519 4.1, RFC 8725 3).
 */
#include <bastide/domain.h>

#include "token.h"

/* Of the clocks of two machines (RFC 7519 4.1.4). */
#define LEEWAY_S 60
/* A header and its claims, decoded. */
#define JSON_MAX LIMIT_SASL_MESSAGE

/* RFC 7515 4, RFC 7519 4: names come once. */
static json_t *load(struct slice text)
{
	json_t *j = json_loadb(
		text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

static json_t *load_part(struct slice part)
{
	struct buf b;
	json_t *j = NULL;

	buf_init(&b, JSON_MAX);
	if (base64url_decode(&b, part) == ERR_OK)
		j = load(buf_slice(&b));
	buf_free(&b);
	return j;
}

static const char *text(const json_t *claims, const char *name)
{
	return json_string_value(json_object_get(claims, name));
}

/* --- claims ---------------------------------------------------------------------- */

static const char *check_times(const json_t *claims, int64_t now)
{
	const json_t *exp = json_object_get(claims, "exp");
	const json_t *nbf = json_object_get(claims, "nbf");

	if (!json_is_number(exp))
		return "no-expiry";
	if (json_number_value(exp) + LEEWAY_S <= (double)now)
		return "expired";
	if (nbf && !json_is_number(nbf))
		return "malformed";
	if (nbf && json_number_value(nbf) - LEEWAY_S > (double)now)
		return "too-early";
	return "";
}

/* One string, or an array of them (RFC 7519 4.1.3). */
static bool has_audience(const json_t *claims, struct slice want)
{
	const json_t *aud = json_object_get(claims, "aud"), *one;
	size_t i;

	if (json_is_string(aud))
		return slice_eqs(want, json_string_value(aud));
	json_array_foreach(aud, i, one)
	{
		const char *s = json_string_value(one);
		if (s && slice_eqs(want, s))
			return true;
	}
	return false;
}

/* Names with spaces between (RFC 9068 2.2.3, RFC 8693 4.2). */
static bool has_scope(const json_t *claims, struct slice want)
{
	struct slice list = slice_str(text(claims, "scope"));

	if (!want.n)
		return true;
	while (list.n)
		if (slice_eq(slice_cut(list, ' ', &list), want))
			return true;
	return false;
}

/* The claim compared as the directory compares addresses. */
static bool is_user(const json_t *claims, const struct token_rules *r)
{
	char name[200];
	struct buf normal;

	if (!r->user.n || r->claim.n >= sizeof(name))
		return false;
	memcpy(name, r->claim.p, r->claim.n);
	name[r->claim.n] = 0;
	const char *s = text(claims, name);
	/* OpenID Connect Core 5.1: not the person's until verified. */
	if (!s || (slice_eqs(r->claim, "email") &&
			  json_is_false(
				  json_object_get(claims, "email_verified"))))
		return false;
	buf_init(&normal, 2 * LIMIT_ADDRESS);
	bool same = address_normal(slice_str(s), &normal) == ERR_OK &&
		    slice_eq(buf_slice(&normal), r->user);
	buf_free(&normal);
	return same;
}

static const char *check_claims(
	const json_t *claims, const struct token_rules *r)
{
	const char *iss = text(claims, "iss");
	const char *why = check_times(claims, r->now);

	if (*why)
		return why;
	if (!iss || !r->issuer.n || !slice_eqs(r->issuer, iss))
		return "issuer";
	if (!r->audience.n || !has_audience(claims, r->audience))
		return "audience";
	if (!has_scope(claims, r->scope))
		return "scope";
	return is_user(claims, r) ? "" : "user";
}

/* --- header and signature ----------------------------------------------------------- */

static const char *check_signature(const json_t *header, const json_t *keys,
	struct slice input, struct slice part)
{
	const char *alg = text(header, "alg"), *kid = text(header, "kid");
	struct buf signature;
	bool tried = false, good = false;

	/* No extension is understood here (RFC 7515 4.1.11). */
	if (json_object_get(header, "crit"))
		return "critical";
	if (!alg || !jwk_knows(alg))
		return "algorithm";
	buf_init(&signature, JSON_MAX);
	bool whole = base64url_decode(&signature, part) == ERR_OK;
	if (whole)
		good = jwk_verify(
			keys, alg, kid, input, buf_slice(&signature), &tried);
	buf_free(&signature);
	return !whole ? "malformed" : !tried ? "key" : good ? "" : "signature";
}

static const char *check(
	struct slice token, const json_t *keys, const struct token_rules *r)
{
	struct slice rest, signature;
	struct slice head = slice_cut(token, '.', &rest);
	struct slice payload = slice_cut(rest, '.', &signature);
	struct slice input = slice_head(token, head.n + 1 + payload.n);

	if (token.n > LIMIT_SASL_MESSAGE || !signature.n ||
		slice_find(signature, '.') < signature.n)
		return "malformed";
	json_t *header = load_part(head);
	const char *why =
		header ? check_signature(header, keys, input, signature)
		       : "malformed";
	json_decref(header);
	if (*why)
		return why;
	json_t *claims = load_part(payload);
	why = claims ? check_claims(claims, r) : "malformed";
	json_decref(claims);
	return why;
}

enum err token_check(
	struct slice token, const struct token_rules *rules, const char **why)
{
	json_t *set = load(rules->keys);
	const json_t *keys = json_object_get(set, "keys");

	if (!json_is_array(keys)) {
		json_decref(set);
		return ERR_CORRUPT;
	}
	*why = check(token, keys, rules);
	json_decref(set);
	return ERR_OK;
}
