/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whom a user's certificate stands for: the addresses among its alternative
 * names, rfc822Name (RFC 5280 4.2.1.6) and the user principal name of smart
 * cards (Microsoft's otherName 1.3.6.1.4.1.311.20.2.3). Never its subject: an
 * "emailAddress" there is text that some authorities copy unverified.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <bastide/domain.h>

#include "tls_parts.h"

/* The text of a name that can be an address; {NULL, 0}: another kind. */
static struct slice text_of(const GENERAL_NAME *name)
{
	const ASN1_STRING *s = NULL;

	if (name->type == GEN_EMAIL)
		s = name->d.rfc822Name;
	else if (name->type == GEN_OTHERNAME &&
		 OBJ_obj2nid(name->d.otherName->type_id) == NID_ms_upn &&
		 name->d.otherName->value->type == V_ASN1_UTF8STRING)
		s = name->d.otherName->value->value.utf8string;
	return s ? slice_of(ASN1_STRING_get0_data(s),
			   (size_t)ASN1_STRING_length(s))
		 : slice_of(NULL, 0);
}

static bool normal(struct slice text, struct buf *out)
{
	buf_reset(out);
	return text.n && slice_find(text, '\0') == text.n &&
	       address_normal(text, out) == ERR_OK;
}

static bool has(const GENERAL_NAMES *names, struct slice wanted)
{
	struct buf a, b;
	bool found = false;

	buf_init(&a, 2 * LIMIT_ADDRESS);
	buf_init(&b, 2 * LIMIT_ADDRESS);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++)
		found = normal(text_of(sk_GENERAL_NAME_value(names, i)), &a) &&
			normal(wanted, &b) &&
			slice_eq(buf_slice(&a), buf_slice(&b));
	buf_free(&a);
	buf_free(&b);
	return found;
}

/* With two of them nobody knows which is meant. */
static struct slice only_mail(const GENERAL_NAMES *names)
{
	struct slice only = slice_of(NULL, 0);
	int n = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_EMAIL)
			continue;
		only = text_of(name);
		n++;
	}
	return n == 1 ? only : slice_of(NULL, 0);
}

enum err tls_user(X509 *x, struct slice wanted, struct buf *out)
{
	/* NULL also when the extension is there twice. */
	GENERAL_NAMES *names =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	struct slice user = wanted.n ? wanted : only_mail(names);
	enum err e = ERR_AUTH;

	if (has(names, user))
		e = buf_add_slice(out, user);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return e;
}
