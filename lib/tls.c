/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * TLS contexts. Server: TLS 1.2 and 1.3, forward secrecy only, Debian's
 * security level 2, no renegotiation, no compression; one SSL_CTX per
 * certificate, chosen by SNI (RFC 6066 3). Session tickets are sealed with a
 * key of this process that changes every 12 hours; the one before still opens,
 * so a ticket lives at most a day and no key outlives its process.
 *
 * A client that gives a certificate gets no ticket: each of its connections
 * proves the key anew, and who is revoked, expired or of an authority that was
 * dropped is so at once. So no identity is ever taken out of a ticket.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <bastide/mem.h>

#include "tls_parts.h"

#define CERTIFICATES 64
#define TICKET_LIFE_S (12 * 3600)
/* Authorities between a client's certificate and ours. */
#define CLIENT_CHAIN 4
#define SUITES_12 "DEFAULT:!aNULL:!eNULL:!kRSA:!PSK:!SRP"

struct tls_context {
	bool server;
	SSL_CTX *ctx[CERTIFICATES];
	X509 *leaf[CERTIFICATES]; /* owned by ctx */
	size_t n;
	X509_STORE *clients; /* NULL: no client is asked */
	STACK_OF(X509_NAME) * client_names;
};

static const char *reason_text = "";

const char *tls_reason(void)
{
	return reason_text;
}

static enum err failed(enum err e)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	reason_text = text ? text : "unknown";
	ERR_clear_error();
	return e;
}

/* --- tickets ----------------------------------------------------------------- */

struct ticket_key {
	uint8_t name[16], aes[32], mac[32];
	time_t made; /* 0: empty */
};
/* Of the process: [0] seals, [1] only opens. */
static struct ticket_key ticket_keys[2];

static bool ticket_rotate(time_t now)
{
	struct ticket_key fresh = { .made = now };

	if (ticket_keys[0].made && now - ticket_keys[0].made < TICKET_LIFE_S)
		return true;
	if (RAND_bytes(fresh.name, sizeof(fresh.name)) != 1 ||
		RAND_priv_bytes(fresh.aes, sizeof(fresh.aes)) != 1 ||
		RAND_priv_bytes(fresh.mac, sizeof(fresh.mac)) != 1)
		return false;
	ticket_keys[1] = ticket_keys[0];
	ticket_keys[0] = fresh;
	if (now - ticket_keys[1].made >= 2 * TICKET_LIFE_S)
		mem_wipe(&ticket_keys[1], sizeof(ticket_keys[1]));
	mem_wipe(&fresh, sizeof(fresh));
	return true;
}

static int ticket_start(struct ticket_key *k, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	static char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->aes, iv,
		       seal) == 1 &&
	       EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 ok, 2 ok and renew, 0 no such
 * key, -1 error. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	if (!ticket_rotate(time(NULL)))
		return -1;
	if (seal) {
		/* TLS 1.2: it was promised before the certificate came; an
		 * empty one is none (RFC 5077 3.3). */
		if (SSL_get0_peer_certificate(ssl))
			return 0;
		memcpy(name, ticket_keys[0].name, 16);
		if (RAND_bytes(iv, 16) != 1)
			return -1;
		return ticket_start(&ticket_keys[0], iv, cipher, mac, 1) ? 1
									 : -1;
	}
	for (int i = 0; i < 2; i++)
		if (ticket_keys[i].made &&
			memcmp(name, ticket_keys[i].name, 16) == 0)
			return !ticket_start(
				       &ticket_keys[i], iv, cipher, mac, 0)
				       ? -1
				       : 1 + i;
	return 0;
}

/* --- clients' certificates --------------------------------------------------- */

static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	return 0; /* never ask a terminal */
}

/* Whatever is wrong with it, the connection goes on, and conn_is_certified()
 * says no: a password is still a way in. */
static int on_client_certificate(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		ctx, SSL_get_ex_data_X509_STORE_CTX_idx());

	if (X509_verify_cert(ctx) != 1 &&
		X509_STORE_CTX_get_error(ctx) == X509_V_OK)
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
	if (SSL_version(ssl) >= TLS1_3_VERSION)
		SSL_set_num_tickets(ssl, 0);
	return 1;
}

static bool add_authorities(struct tls_context *t, BIO *pem)
{
	X509 *ca;
	bool ok = true;
	int n = 0;

	while (ok && (ca = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL))) {
		X509_NAME *name = X509_NAME_dup(X509_get_subject_name(ca));
		ok = X509_STORE_add_cert(t->clients, ca) == 1 && name &&
		     sk_X509_NAME_push(t->client_names, name) > 0;
		if (!ok)
			X509_NAME_free(name);
		X509_free(ca);
		n++;
	}
	return ok && n;
}

static bool add_revoked(struct tls_context *t, BIO *pem)
{
	X509_CRL *crl;
	bool ok = true;
	int n = 0;

	while (ok &&
		(crl = PEM_read_bio_X509_CRL(pem, NULL, no_passphrase, NULL))) {
		ok = X509_STORE_add_crl(t->clients, crl) == 1;
		X509_CRL_free(crl);
		n++;
	}
	/* Without a fresh list of its authority no certificate is good. */
	return ok && n &&
	       X509_STORE_set_flags(t->clients, X509_V_FLAG_CRL_CHECK) == 1;
}

static void drop_clients(struct tls_context *t)
{
	X509_STORE_free(t->clients);
	sk_X509_NAME_pop_free(t->client_names, X509_NAME_free);
}

static enum err take_clients(struct tls_context *t, struct tls_clients clients)
{
	if (!clients.ca.n)
		return ERR_OK;
	BIO *ca = BIO_new_mem_buf(clients.ca.p, (int)clients.ca.n);
	BIO *crl = BIO_new_mem_buf(
		clients.crl.n ? clients.crl.p : "", (int)clients.crl.n);
	t->clients = X509_STORE_new();
	t->client_names = sk_X509_NAME_new_null();
	bool ok = ca && crl && t->clients && t->client_names &&
		  add_authorities(t, ca) &&
		  (!clients.crl.n || add_revoked(t, crl));
	BIO_free(ca);
	BIO_free(crl);
	if (!ok)
		return failed(ERR_SYNTAX);
	ERR_clear_error(); /* "no start line": the end of the text */
	return ERR_OK;
}

/* RFC 8446 4.3.2: the names help a client with several to choose. */
static bool set_clients(SSL_CTX *ctx, const struct tls_context *t)
{
	STACK_OF(X509_NAME) *names = SSL_dup_CA_list(t->client_names);

	if (!names || SSL_CTX_set1_verify_cert_store(ctx, t->clients) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return false;
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify_depth(ctx, CLIENT_CHAIN);
	SSL_CTX_set_cert_verify_callback(ctx, on_client_certificate, NULL);
	return true;
}

void tls_session_ask(SSL *ssl)
{
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);

	if (sk_X509_NAME_num(SSL_CTX_get_client_CA_list(ctx)) > 0)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
}

/* --- certificates ------------------------------------------------------------ */

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	struct tls_context *t = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	for (size_t i = 0; name && i < t->n; i++)
		if (X509_check_host(t->leaf[i], name, 0, 0, NULL) == 1) {
			SSL_set_SSL_CTX(ssl, t->ctx[i]);
			return SSL_TLSEXT_ERR_OK;
		}
	/* No match, or no name: the default certificate, not an alert; mail
	 * clients often connect by another name. */
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(ctx, SUITES_12) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static SSL_CTX *server_context(struct tls_context *t)
{
	static const unsigned char id[] = "bastide";
	SSL_CTX *ctx = context_new(TLS_server_method());

	if (!ctx)
		return NULL;
	/* Tickets only: no session cache that would grow. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, t);
	if (t->clients && !set_clients(ctx, t)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static bool use_chain(SSL_CTX *ctx, BIO *pem)
{
	X509 *leaf = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
	bool ok = leaf && SSL_CTX_use_certificate(ctx, leaf) == 1;

	X509_free(leaf);
	while (ok) {
		X509 *ca = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
		if (!ca)
			break;
		ok = SSL_CTX_add0_chain_cert(ctx, ca) == 1;
		if (!ok)
			X509_free(ca);
	}
	if (ok)
		ERR_clear_error(); /* "no start line": the end of the file */
	return ok;
}

static enum err pair_context(struct tls_context *t, struct slice chain,
	struct slice key, SSL_CTX **out)
{
	SSL_CTX *ctx = server_context(t);
	BIO *chain_pem = BIO_new_mem_buf(chain.p ? chain.p : "", (int)chain.n);
	BIO *key_pem = BIO_new_mem_buf(key.p ? key.p : "", (int)key.n);
	EVP_PKEY *pkey = NULL;
	enum err e = ctx && chain_pem && key_pem ? ERR_OK : ERR_NOMEM;

	if (e == ERR_OK) {
		pkey = PEM_read_bio_PrivateKey(
			key_pem, NULL, no_passphrase, NULL);
		if (!pkey || !use_chain(ctx, chain_pem) ||
			SSL_CTX_use_PrivateKey(ctx, pkey) != 1 ||
			SSL_CTX_check_private_key(ctx) != 1)
			e = failed(ERR_SYNTAX);
	}
	EVP_PKEY_free(pkey);
	BIO_free(chain_pem);
	BIO_free(key_pem);
	if (e != ERR_OK) {
		SSL_CTX_free(ctx);
		return e;
	}
	*out = ctx;
	return ERR_OK;
}

enum err tls_server_new(struct tls_context **out)
{
	struct tls_context *t = mem_new(struct tls_context);

	if (!t)
		return ERR_NOMEM;
	t->server = true;
	*out = t;
	return ERR_OK;
}

enum err tls_server_add(
	struct tls_context *t, struct slice chain, struct slice key)
{
	SSL_CTX *ctx;

	if (t->n == CERTIFICATES)
		return ERR_LIMIT;
	TRY(pair_context(t, chain, key, &ctx));
	t->ctx[t->n] = ctx;
	t->leaf[t->n++] = SSL_CTX_get0_certificate(ctx);
	return ERR_OK;
}

enum err tls_server_reload(struct tls_context *t,
	const struct slice (*pairs)[2], size_t n, struct tls_clients clients)
{
	struct tls_context fresh = { .server = true };
	enum err e = n && n <= CERTIFICATES ? ERR_OK : ERR_LIMIT;

	if (e == ERR_OK)
		e = take_clients(&fresh, clients);
	for (size_t i = 0; e == ERR_OK && i < n; i++)
		e = tls_server_add(&fresh, pairs[i][0], pairs[i][1]);
	struct tls_context *drop = e == ERR_OK ? t : &fresh;
	for (size_t i = 0; i < drop->n; i++)
		SSL_CTX_free(drop->ctx[i]);
	drop_clients(drop);
	if (e != ERR_OK)
		return e;
	*t = fresh;
	for (size_t i = 0; i < t->n; i++)
		SSL_CTX_set_tlsext_servername_arg(t->ctx[i], t);
	return ERR_OK;
}

enum err tls_client_new(struct slice ca, struct tls_context **out)
{
	struct tls_context *t = mem_new(struct tls_context);
	SSL_CTX *ctx = t ? context_new(TLS_client_method()) : NULL;

	if (!ctx) {
		mem_free(t);
		return ERR_NOMEM;
	}
	t->ctx[t->n++] = ctx;
	if (!ca.n) {
		if (SSL_CTX_set_default_verify_paths(ctx) != 1)
			goto fail;
	} else {
		BIO *pem = BIO_new_mem_buf(ca.p, (int)ca.n);
		X509 *cert;
		size_t added = 0;
		while (pem && (cert = PEM_read_bio_X509(
				       pem, NULL, no_passphrase, NULL))) {
			added +=
				X509_STORE_add_cert(
					SSL_CTX_get_cert_store(ctx), cert) == 1;
			X509_free(cert);
		}
		BIO_free(pem);
		if (!added)
			goto fail;
		ERR_clear_error();
	}
	*out = t;
	return ERR_OK;
fail:
	tls_context_free(t);
	return failed(ERR_SYNTAX);
}

void tls_context_free(struct tls_context *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		SSL_CTX_free(t->ctx[i]);
	drop_clients(t);
	mem_free(t);
}

enum err tls_session_new(struct tls_context *t, int fd, SSL **out)
{
	if (!t->n)
		return ERR_WRONGSTATE;
	SSL *ssl = SSL_new(t->ctx[0]);
	if (!ssl)
		return failed(ERR_NOMEM);
	if (SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return failed(ERR_NOMEM);
	}
	if (t->server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	*out = ssl;
	return ERR_OK;
}

enum err tls_session_expect(SSL *ssl, const char *name, bool verify)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	bool numeric = X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;

	ERR_clear_error();
	/* RFC 6066 3: no address in SNI. */
	if (!numeric && SSL_set_tlsext_host_name(ssl, name) != 1)
		return failed(ERR_SYNTAX);
	SSL_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (!verify || numeric)
		return ERR_OK;
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 ? ERR_OK : failed(ERR_SYNTAX);
}
