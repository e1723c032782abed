/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The configuration: one table of keys is the only list of them; the sample
 * file, the parser and the message to other processes all come from it.
 */
#include <bastide/config.h>
#include <bastide/mem.h>

#define TEXT_MAX 65536
#define VALUE_MAX 4096

enum type { STR, NUM, BOOL };

struct key {
	const char *name;
	enum type type;
	const char *preset;
	int64_t min, max; /* NUM: the value; STR: its length */
	const char *help;
};

static const struct key keys[] = {
	{ "hostname", STR, "localhost", 1, 255,
		"Name this server calls itself by, in greetings and headers." },
	{ "data_dir", STR, "/var/lib/bastide", 1, VALUE_MAX,
		"Where everything lies, sealed. Owned by bastide, mode 0700." },
	{ "program_dir", STR, "", 0, VALUE_MAX,
		"Where the other programs are; empty: beside bastided." },
	{ "passphrase_file", STR, "/etc/bastide/passphrase", 1, VALUE_MAX,
		"First line: the passphrase that opens the root key." },
	{ "listen", STR, "0.0.0.0 ::", 0, VALUE_MAX,
		"Numeric addresses to listen on, separated by blanks." },
	{ "imap_port", NUM, "143", 0, 65535,
		"IMAP with STARTTLS; 0: off, as with every port." },
	{ "imaps_port", NUM, "993", 0, 65535, "IMAP over TLS." },
	{ "smtp_port", NUM, "25", 0, 65535, "SMTP from other servers." },
	{ "submission_port", NUM, "587", 0, 65535,
		"SMTP of users, with STARTTLS." },
	{ "submissions_port", NUM, "465", 0, 65535,
		"SMTP of users, over TLS." },
	{ "https_port", NUM, "443", 0, 65535,
		"CalDAV, CardDAV and set-up, over TLS." },
	{ "http_port", NUM, "0", 0, 65535,
		"The same without TLS, for tests and for a proxy." },
	{ "services", STR, "", 0, VALUE_MAX,
		"Programs to run of imapd, smtpd and relayd (which sends mail "
		"to others), separated by blanks; empty: all." },
	{ "fronts", NUM, "2", 1, 64,
		"Processes per front program: one per core is enough, and "
		"one for every 10,000 clients where a process may open 20,000 "
		"files." },
	{ "tls_cert", STR, "", 0, VALUE_MAX,
		"PEM files of certificate chains, separated by blanks." },
	{ "tls_key", STR, "", 0, VALUE_MAX,
		"PEM files of their keys, in the same order." },
	{ "tls_client_ca", STR, "", 0, VALUE_MAX,
		"PEM file of the authorities that sign users' certificates: "
		"who has one may sign in by EXTERNAL; empty: nobody is asked "
		"for one." },
	{ "tls_client_crl", STR, "", 0, VALUE_MAX,
		"PEM file of their lists of revoked certificates; with it, an "
		"authority needs a list that is in force. Both are read again "
		"by SIGHUP." },
	{ "smarthost", STR, "", 0, 255,
		"host:port that takes all outgoing mail; empty: by MX." },
	{ "smarthost_tls", BOOL, "no", 0, 0,
		"The smarthost must prove its name by TLS; port 465: TLS from "
		"the first byte." },
	{ "ca_file", STR, "/etc/ssl/certs/ca-certificates.crt", 0, VALUE_MAX,
		"PEM file of the authorities that the smarthost's certificate "
		"is verified by." },
	{ "relay_port", NUM, "25", 1, 65535,
		"Port of other servers that mail is sent to by MX." },
	{ "relay_private", BOOL, "no", 0, 0,
		"Send by MX even to private and loopback addresses." },
	{ "resolver", STR, "", 0, 255,
		"Numeric addresses (with @port) of DNS servers to ask, "
		"separated by blanks; empty: those of /etc/resolv.conf." },
	{ "retry_first_s", NUM, "300", 1, 86400,
		"Seconds until a first repeat; the next ones wait 3, 12, 36 "
		"and then always 72 times as long." },
	{ "queue_life_s", NUM, "432000", 1, 8640000,
		"Seconds after which mail that cannot be sent is given back "
		"(RFC 5321 4.5.4.1: 4 to 5 days)." },
	{ "log_level", STR, "info", 1, 5, "debug, info, warn or error." },
	{ "tenant_idle", NUM, "60", 1, 86400,
		"Seconds without a session until a tenant's process ends." },
	{ "worker_idle", NUM, "30", 1, 86400,
		"Seconds without work until a tenant's worker ends." },
	{ "login_delay_ms", NUM, "1000", 0, 60000,
		"A refused login is answered no sooner than this." },
	{ "login_source_burst", NUM, "60", 0, 1000000,
		"Refused logins one address may have at once; 0: no limit." },
	{ "login_source_per_min", NUM, "20", 1, 1000000,
		"Refused logins per minute that it gets back." },
	{ "login_account_burst", NUM, "30", 0, 1000000,
		"The same for one account, from all addresses; 0: no limit." },
	{ "login_account_per_min", NUM, "10", 1, 1000000,
		"Refused logins per minute that it gets back." },
	{ "oauth_keys", STR, "", 0, VALUE_MAX,
		"File of the public keys (a JWK Set) that sign the tokens of "
		"OAUTHBEARER and XOAUTH2, read again by SIGHUP; empty: no "
		"tokens." },
	{ "oauth_issuer", STR, "", 0, VALUE_MAX,
		"What a token's claim \"iss\" must be." },
	{ "oauth_audience", STR, "", 0, VALUE_MAX,
		"What a token's claim \"aud\" must be, or have." },
	{ "oauth_claim", STR, "email", 1, 100,
		"Claim of a token that is the user's address." },
	{ "oauth_scope", STR, "", 0, 255,
		"Scope that a token must have, and clients are told; empty: "
		"any." },
	{ "uid_base", NUM, "720000", 1000, 2000000000,
		"First of the user ids for our processes when started as root: "
		"8 for the daemons, then one for each tenant." },
	{ "weak_walls", BOOL, "no", 0, 0,
		"Serve even where seccomp or Landlock is missing." },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct config {
	char *values[N_KEYS]; /* NULL: the preset */
	int64_t numbers[N_KEYS];
};

/* A wrong key is our own mistake: there is no such call in a tested program. */
static size_t key_index(const char *name, enum type type)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0 && keys[i].type == type)
			return i;
	__builtin_trap();
}

/* --- values ------------------------------------------------------------------ */

static enum err read_bool(struct slice s, int64_t *out)
{
	bool yes = slice_ieqs(s, "yes") || slice_ieqs(s, "true") ||
		   slice_eqs(s, "1");
	bool no = slice_ieqs(s, "no") || slice_ieqs(s, "false") ||
		  slice_eqs(s, "0");

	if (!yes && !no)
		return ERR_SYNTAX;
	*out = yes;
	return ERR_OK;
}

static enum err check_value(
	const struct key *k, struct slice s, int64_t *number)
{
	uint64_t n = s.n;

	*number = 0;
	if (slice_find(s, '\0') < s.n || !utf8_valid(s))
		return ERR_ENCODING;
	if (k->type == BOOL)
		return read_bool(s, number);
	if (k->type == NUM)
		TRY(num_u64(s, &n));
	if (n > INT64_MAX || (int64_t)n < k->min || (int64_t)n > k->max)
		return ERR_LIMIT;
	*number = (int64_t)n;
	return ERR_OK;
}

static enum err set_value(struct config *c, size_t i, struct slice s)
{
	int64_t number;

	TRY(check_value(&keys[i], s, &number));
	char *copy = mem_str(s);
	if (!copy)
		return ERR_NOMEM;
	mem_free(c->values[i]);
	c->values[i] = copy;
	c->numbers[i] = number;
	return ERR_OK;
}

enum err config_new(struct config **out)
{
	struct config *c = mem_new(struct config);

	if (!c)
		return ERR_NOMEM;
	for (size_t i = 0; i < N_KEYS; i++) {
		enum err e = set_value(c, i, slice_str(keys[i].preset));
		if (e != ERR_OK) {
			config_free(c);
			return e;
		}
	}
	*out = c;
	return ERR_OK;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < N_KEYS; i++)
		mem_free(c->values[i]);
	mem_free(c);
}

const char *config_str(const struct config *c, const char *key)
{
	return c->values[key_index(key, STR)];
}

int64_t config_num(const struct config *c, const char *key)
{
	return c->numbers[key_index(key, NUM)];
}

bool config_bool(const struct config *c, const char *key)
{
	return c->numbers[key_index(key, BOOL)] != 0;
}

/* --- text -------------------------------------------------------------------- */

static enum err parse_line(
	struct config *c, struct slice line, unsigned number, struct buf *error)
{
	struct slice value, name = slice_trim(slice_cut(line, '=', &value));

	if (!name.n && slice_find(line, '=') == line.n)
		return ERR_OK;
	if (slice_find(line, '=') == line.n) {
		buf_addf(error, "line %u: expected 'key = value'", number);
		return ERR_SYNTAX;
	}
	value = slice_trim(value);
	for (size_t i = 0; i < N_KEYS; i++) {
		if (!slice_eqs(name, keys[i].name))
			continue;
		enum err e = set_value(c, i, value);
		if (e != ERR_OK)
			buf_addf(error, "line %u: bad value for '%s': %s",
				number, keys[i].name, keys[i].help);
		return e;
	}
	buf_addf(error, "line %u: no such key '%.*s'", number,
		SLICE_ARG(slice_head(name, 40)));
	return ERR_NOTFOUND;
}

enum err config_parse(struct config *c, struct slice text, struct buf *error)
{
	unsigned number = 0;

	if (text.n > TEXT_MAX) {
		buf_adds(error, "the file is too long");
		return ERR_LIMIT;
	}
	while (text.n) {
		struct slice line = slice_cut(text, '\n', &text);
		number++;
		if (slice_trim(line).n && slice_trim(line).p[0] == '#')
			continue;
		TRY(parse_line(c, line, number, error));
	}
	return ERR_OK;
}

void config_pack(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < N_KEYS; i++)
		buf_addf(out, "%s = %s\n", keys[i].name, c->values[i]);
}

enum err config_unpack(struct config *c, struct slice raw)
{
	struct buf error;

	buf_init(&error, 256);
	enum err e = config_parse(c, raw, &error);
	buf_free(&error);
	return e;
}

void config_sample(struct buf *out)
{
	buf_adds(out,
		"# Bastide configuration. What is commented out is preset.\n");
	for (size_t i = 0; i < N_KEYS; i++)
		buf_addf(out, "\n# %s\n#%s = %s\n", keys[i].help, keys[i].name,
			keys[i].preset);
}
