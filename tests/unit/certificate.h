/* SPDX-License-Identifier: EUPL-1.2 */
/* A self-made certificate for tests. */
#ifndef TESTS_CERTIFICATE_H
#define TESTS_CERTIFICATE_H

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <bastide/buf.h>

static void pem_text(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_init(out, 10000);
	assert_int_equal(buf_add(out, p, (size_t)n), ERR_OK);
	BIO_free(bio);
}

/* EC P-256, valid for a day, for `host`. */
static void make_certificate(
	const char *host, struct buf *chain, struct buf *key)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	char san[100];
	BIO *bio;

	assert_non_null(pkey);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, pkey);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)host, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	snprintf(san, sizeof(san), "DNS:%s", host);
	X509_EXTENSION *ext =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, x);
	pem_text(bio, chain);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
	pem_text(bio, key);
	X509_free(x);
	EVP_PKEY_free(pkey);
}

#endif
