/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Pages that set a mail program up, answered from the configuration alone: no
 * address is looked up, so nobody learns here which ones exist.
 *
 * Autoconfig: Thunderbird's config-v1.1.xml, in the two places it asks for.
 */
#include "../xml.h"
#include "http.h"

static const struct {
	const char *path;
	bool prefix; /* more may follow */
	enum dav_method method, other;
	page_fn *page;
} pages[] = {
	{ "/mail/config-v1.1.xml", false, METHOD_GET, METHOD_HEAD,
		page_autoconfig },
	{ "/.well-known/autoconfig/mail/config-v1.1.xml", false, METHOD_GET,
		METHOD_HEAD, page_autoconfig },
	{ "/autodiscover/autodiscover.xml", false, METHOD_POST, METHOD_POST,
		page_autodiscover },
	{ "/autodiscover/autodiscover.json", true, METHOD_GET, METHOD_HEAD,
		page_autodiscover_json },
};

/* Outlook writes the path in any case. */
page_fn *setup_find(struct http *h)
{
	struct slice path = buf_slice(&h->path);

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (h->method != pages[i].method && h->method != pages[i].other)
			continue;
		if (slice_ieqs(path, pages[i].path))
			return pages[i].page;
		size_t n = strlen(pages[i].path);
		if (pages[i].prefix && slice_iprefix(path, pages[i].path) &&
			path.p[n] == '/')
			return pages[i].page;
	}
	return NULL;
}

/* --- autoconfig ---------------------------------------------------------------------- */

static bool is_domain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' &&
			c != '.')
			return false;
	}
	return s.n > 0 && s.n <= LIMIT_DOMAIN;
}

/* Of the address asked for, else of the host without "autoconfig.". */
static struct slice domain_of(struct http *h, struct buf *address)
{
	struct slice host = http_field(&h->head, "Host"), rest;

	if (target_query(h->query, "emailaddress", address)) {
		(void)slice_cut(buf_slice(address), '@', &rest);
		if (is_domain(rest))
			return rest;
	}
	host = slice_cut(host, ':', &rest);
	if (slice_iprefix(host, "autoconfig."))
		host = slice_from(host, 11);
	return is_domain(host)
		       ? host
		       : slice_str(config_str(h->front->config, "hostname"));
}

struct server {
	const char *kind, *type, *port, *socket;
};

static const struct server servers[] = {
	{ "incomingServer", "imap", "imaps_port", "SSL" },
	{ "incomingServer", "imap", "imap_port", "STARTTLS" },
	{ "outgoingServer", "smtp", "submissions_port", "SSL" },
	{ "outgoingServer", "smtp", "submission_port", "STARTTLS" },
};

static void put_server(struct http *h, struct buf *b, const struct server *s)
{
	int64_t port = config_num(h->front->config, s->port);

	if (!port)
		return;
	buf_addf(b, "  <%s type=\"%s\">\n   <hostname>", s->kind, s->type);
	xml_escape(b, slice_str(config_str(h->front->config, "hostname")));
	buf_addf(b,
		"</hostname>\n   <port>%lld</port>\n"
		"   <socketType>%s</socketType>\n"
		"   <authentication>password-cleartext</authentication>\n"
		"   <username>%%EMAILADDRESS%%</username>\n  </%s>\n",
		(long long)port, s->socket, s->kind);
}

static void put_dav(
	struct http *h, struct buf *b, const char *element, const char *type)
{
	int64_t port = config_num(h->front->config, "https_port");

	if (!port)
		return;
	buf_addf(b,
		" <%s type=\"%s\">\n  <username>%%EMAILADDRESS%%</username>\n"
		"  <authentication>http-basic</authentication>\n"
		"  <serverURL>https://",
		element, type);
	xml_escape(b, slice_str(config_str(h->front->config, "hostname")));
	if (port != 443)
		buf_addf(b, ":%lld", (long long)port);
	buf_addf(b, "/dav/</serverURL>\n </%s>\n", element);
}

void page_autoconfig(struct http *h, struct slice body)
{
	struct buf b, address;

	buf_init(&b, KIB(16));
	buf_init(&address, LIMIT_ADDRESS);
	struct slice domain = domain_of(h, &address);
	buf_adds(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		     "<clientConfig version=\"1.1\">\n <emailProvider id=\"");
	xml_escape(&b, domain);
	buf_adds(&b, "\">\n  <domain>");
	xml_escape(&b, domain);
	buf_adds(&b, "</domain>\n  <displayName>");
	xml_escape(&b, domain);
	buf_adds(&b, "</displayName>\n  <displayShortName>");
	xml_escape(&b, domain);
	buf_adds(&b, "</displayShortName>\n");
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		put_server(h, &b, &servers[i]);
	buf_adds(&b, " </emailProvider>\n");
	put_dav(h, &b, "addressBook", "carddav");
	put_dav(h, &b, "calendar", "caldav");
	buf_adds(&b, "</clientConfig>\n");
	http_answer(h, 200, "text/xml; charset=utf-8", buf_slice(&b));
	buf_free(&b);
	buf_free(&address);
}
