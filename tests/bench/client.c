/* SPDX-License-Identifier: EUPL-1.2 */
/* One blocking connection of the load generator, and the messages it sends. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "imapload.h"

#define INPUT ((size_t)256 * 1024)
/* The longest line, of a SORT. */
#define INPUT_MAX ((size_t)16 * 1024 * 1024)
#define TIMEOUT_S 240

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("imapload: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- bytes ----------------------------------------------------------------- */

/* Both servers are ours, on loopback: nothing is verified. */
static SSL_CTX *ctx;

static void tls_init(void)
{
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		die("no TLS");
}

void client_open(struct client *c, unsigned port, bool tls)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int one = 1;

	*c = (struct client){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
	c->room = INPUT;
	c->in = malloc(c->room);
	if (c->fd < 0 || !c->in ||
		connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		die("cannot connect to port %u", port);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!tls)
		return;
	pthread_once(&once, tls_init);
	c->ssl = SSL_new(ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 ||
		SSL_connect(c->ssl) != 1)
		die("no TLS with port %u", port);
}

void client_close(struct client *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c->in);
}

void client_send(struct client *c, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		const char *from = (const char *)p + done;
		ssize_t put =
			c->ssl ? SSL_write(c->ssl, from, (int)(n - done))
			       : send(c->fd, from, n - done, MSG_NOSIGNAL);
		if (put <= 0)
			die("the server takes nothing more");
		done += (size_t)put;
	}
}

__attribute__((format(printf, 2, 0))) static void vsend(
	struct client *c, const char *fmt, va_list ap)
{
	char text[2000];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0 || (size_t)n >= sizeof(text))
		die("a command is too long");
	client_send(c, text, (size_t)n);
}

void client_sendf(struct client *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsend(c, fmt, ap);
	va_end(ap);
}

static void fill(struct client *c)
{
	if (c->at == c->end)
		c->at = c->end = 0;
	if (c->at) {
		memmove(c->in, c->in + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
	}
	if (c->end == c->room && c->room < INPUT_MAX)
		c->in = realloc(c->in, c->room *= 2);
	if (c->end == c->room || !c->in)
		die("a line is too long");
	char *to = c->in + c->end;
	size_t room = c->room - c->end;
	ssize_t got = c->ssl ? SSL_read(c->ssl, to, (int)room)
			     : recv(c->fd, to, room, 0);
	if (got <= 0)
		die("the server closed, or said nothing for %d s", TIMEOUT_S);
	c->end += (size_t)got;
}

const char *client_line(struct client *c, size_t *n_out)
{
	char *lf;

	while (!(lf = memchr(c->in + c->at, '\n', c->end - c->at)))
		fill(c);
	const char *line = c->in + c->at;
	size_t n = (size_t)(lf - line);
	c->at += n + 1;
	*n_out = n && line[n - 1] == '\r' ? n - 1 : n;
	return line;
}

static void skip(struct client *c, uint64_t n)
{
	while (n) {
		if (c->at == c->end)
			fill(c);
		uint64_t part = c->end - c->at < n ? c->end - c->at : n;
		c->at += part;
		n -= part;
	}
}

/* --- IMAP -------------------------------------------------------------------- */

void imap_send(struct client *c, const char *fmt, ...)
{
	va_list ap;

	client_sendf(c, "A%u ", ++c->tag);
	va_start(ap, fmt);
	vsend(c, fmt, ap);
	va_end(ap);
	client_send(c, "\r\n", 2);
}

/* "{123}" at the line's end: the literal's size, else 0. */
static uint64_t literal(const char *line, size_t n)
{
	size_t from = n;

	if (n < 3 || line[n - 1] != '}')
		return 0;
	for (from = n - 1; from && isdigit((unsigned char)line[from - 1]);)
		from--;
	return from && from < n - 1 && line[from - 1] == '{'
		       ? strtoull(line + from, NULL, 10)
		       : 0;
}

static bool begins(const char *line, size_t n, const char *word)
{
	return n >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static void note(struct answer *a, const char *line, size_t n)
{
	char copy[64];

	a->responses++;
	if (begins(line, n, "* SEARCH")) {
		for (size_t k = 8; k + 1 < n; k++)
			a->hits += line[k] == ' ';
		return;
	}
	if (n >= sizeof(copy) || n < 9 || memcmp(line + n - 7, " EXISTS", 7))
		return;
	memcpy(copy, line, n);
	copy[n] = '\0';
	a->exists = (unsigned)strtoul(copy + 2, NULL, 10);
}

void imap_wait(struct client *c, unsigned tag, struct answer *a)
{
	struct answer none;
	char want[20];
	bool inside = false; /* the line goes on after a literal */

	snprintf(want, sizeof(want), "A%u ", tag);
	a = a ? a : &none;
	*a = (struct answer){ 0 };
	for (;;) {
		size_t n;
		const char *line = client_line(c, &n);
		a->bytes += n + 2;
		if (!inside && begins(line, n, want)) {
			if (!begins(line + strlen(want), n - strlen(want),
				    "OK"))
				die("refused: %.*s", (int)n, line);
			return;
		}
		if (!inside)
			note(a, line, n);
		uint64_t size = literal(line, n);
		inside = size > 0;
		a->bytes += size;
		skip(c, size);
	}
}

void imap_wait_exists(struct client *c)
{
	struct answer a = { 0 };

	while (!a.exists) {
		size_t n;
		const char *line = client_line(c, &n);
		note(&a, line, n);
	}
}

void imap_login(struct client *c, const struct account *a)
{
	size_t n;

	client_line(c, &n);
	imap_send(c, "LOGIN \"%s\" \"%s\"", a->login, a->password);
	imap_wait(c, c->tag, NULL);
}

void imap_open(struct client *c, const struct account *a)
{
	size_t n;

	client_open(c, options.port, true);
	imap_login(c, a);
	imap_send(c, "CAPABILITY");
	const char *line = client_line(c, &n);
	c->multi = memmem(line, n, "MULTIAPPEND", 11) != NULL;
	imap_wait(c, c->tag, NULL);
}

/* --- messages ---------------------------------------------------------------- */

/* Words as in a text: few are frequent, most are rare. */
static size_t put_word(char *p, uint64_t *state)
{
	static const char syllable[][4] = { "ba", "ce", "di", "fo", "gu", "la",
		"me", "ni", "po", "ru", "sa", "te", "vi", "zo", "che", "men",
		"eau", "oir", "qui", "str" };
	size_t n = 0;

	*state = *state * 6364136223846793005u + 1442695040888963407u;
	uint64_t r = *state >> 33;
	unsigned rank = (unsigned)((r & 1023) * (r >> 10 & 1023) / 64);
	for (unsigned k = 0; k < 2 + rank % 3; k++) {
		const char *s = syllable[rank % 20];
		memcpy(p + n, s, strlen(s));
		n += strlen(s);
		rank = rank / 20 + 7 * k;
	}
	return n;
}

void message_make(char *p, size_t size, unsigned i)
{
	uint64_t state = i * (uint64_t)2654435761u + 12345;
	char subject[100];
	size_t words = 0;

	for (int k = 0; k < 4; k++) {
		words += put_word(subject + words, &state);
		subject[words++] = ' ';
	}
	int n = snprintf(p, size,
		"From: Clara Contact <clara.%u@example.org>\r\n"
		"To: Anna Adressat <anna@example.net>, ben@example.org\r\n"
		"Subject: %.*s%u\r\n"
		"Date: Mon, %u Jan 2026 %02u:%02u:%02u +0100\r\n"
		"Message-ID: <%08u.%08llx@example.org>\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n\r\nunique%08u\r\n",
		i % 97, (int)words, subject, i, 1 + i % 28, i % 24, i % 60,
		i / 60 % 60, i, (unsigned long long)(state >> 32), i);
	size_t at = (size_t)n, line = at;
	if (n < 0 || at + 200 > size)
		die("messages are too small");
	while (at + 40 < size) {
		at += put_word(p + at, &state);
		bool full = at - line > 70;
		memcpy(p + at, full ? "\r\n" : " ", full ? 2 : 1);
		at += full ? 2 : 1;
		line = full ? at : line;
	}
	memset(p + at, 'x', size - at);
	memcpy(p + size - 2, "\r\n", 2);
}

static void put_number(char *p, size_t size, const char *before, unsigned i)
{
	char digits[12], *at = memmem(p, size, before, strlen(before));

	if (!at)
		die("no %s in a message", before);
	snprintf(digits, sizeof(digits), "%08u", i % 100000000);
	memcpy(at + strlen(before), digits, 8);
}

void message_renumber(char *p, size_t size, unsigned i)
{
	put_number(p, size, "Message-ID: <", i);
	put_number(p, size, "\r\n\r\nunique", i);
}
