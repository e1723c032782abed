/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Outlook's Autodiscover: plain XML (MS-OXDSCLI) for IMAP and SMTP, and the
 * JSON that says where that is. There is no Exchange block: Outlook would
 * expect MAPI behind it.
 */
#include <stdio.h>

#include "../xml.h"
#include "http.h"

#define NS "http://schemas.microsoft.com/exchange/autodiscover/"
#define REQUEST NS "outlook/requestschema/2006"
#define RESPONSE NS "outlook/responseschema/2006a"
#define SCHEMA NS "responseschema/2006"

#define XML_TYPE "text/xml; charset=utf-8"
#define XML_START "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"

/* MS-OXDSCLI 2.2.4.1.1.3: 600 a request that is none, 601 no such schema. */
static void answer_error(struct http *h, unsigned code, const char *text)
{
	struct buf b;

	buf_init(&b, KIB(2));
	buf_addf(&b,
		XML_START "<Autodiscover xmlns=\"" SCHEMA "\">\n <Response>\n"
			  "  <Error Time=\"00:00:00\" Id=\"0\">\n"
			  "   <ErrorCode>%u</ErrorCode>\n"
			  "   <Message>%s</Message>\n   <DebugData/>\n"
			  "  </Error>\n </Response>\n</Autodiscover>\n",
		code, text);
	http_answer(h, 200, XML_TYPE, buf_slice(&b));
	buf_free(&b);
}

static const struct protocol_row {
	const char *type, *tls, *starttls, *more;
} protocols[] = {
	{ "IMAP", "imaps_port", "imap_port", "" },
	{ "SMTP", "submissions_port", "submission_port",
		"    <UsePOPAuth>off</UsePOPAuth>\n"
		"    <SMTPLast>off</SMTPLast>\n" },
};

/* SSL "on" is TLS from the first byte; STARTTLS is Encryption TLS. SPA that is
 * not there means on (NTLM). */
static void put_protocol(struct http *h, struct buf *b,
	const struct protocol_row *p, struct slice login)
{
	struct config *c = h->front->config;
	bool tls = config_num(c, p->tls) != 0;
	int64_t port = config_num(c, tls ? p->tls : p->starttls);

	if (!port)
		return;
	buf_addf(
		b, "   <Protocol>\n    <Type>%s</Type>\n    <Server>", p->type);
	xml_escape(b, slice_str(config_str(c, "hostname")));
	buf_addf(b,
		"</Server>\n    <Port>%lld</Port>\n"
		"    <DomainRequired>off</DomainRequired>\n    <LoginName>",
		(long long)port);
	xml_escape(b, login);
	buf_addf(b,
		"</LoginName>\n    <SPA>off</SPA>\n    <SSL>%s</SSL>\n%s"
		"    <AuthRequired>on</AuthRequired>\n%s   </Protocol>\n",
		tls ? "on" : "off",
		tls ? "" : "    <Encryption>TLS</Encryption>\n", p->more);
}

static void answer_settings(struct http *h, struct slice address)
{
	struct buf b;

	buf_init(&b, KIB(16));
	buf_adds(&b, XML_START "<Autodiscover xmlns=\"" SCHEMA "\">\n"
			       " <Response xmlns=\"" RESPONSE "\">\n"
			       "  <Account>\n"
			       "   <AccountType>email</AccountType>\n"
			       "   <Action>settings</Action>\n");
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		put_protocol(h, &b, &protocols[i], address);
	buf_adds(&b, "  </Account>\n </Response>\n</Autodiscover>\n");
	http_answer(h, 200, XML_TYPE, buf_slice(&b));
	buf_free(&b);
}

static const struct xml_node *child_of(
	const struct xml_node *n, const char *name)
{
	for (n = xml_first(n); n; n = xml_sibling(n))
		if (slice_eqs(n->name, name))
			return n;
	return NULL;
}

static void answer(
	struct http *h, const struct xml_node *root, struct arena *arena)
{
	const struct xml_node *request = child_of(root, "Request");
	const struct xml_node *mail =
		request ? child_of(request, "EMailAddress") : NULL;
	const struct xml_node *schema =
		request ? child_of(request, "AcceptableResponseSchema") : NULL;

	if (!slice_eqs(root->name, "Autodiscover") || !request || !mail) {
		answer_error(h, 600, "Invalid request");
		return;
	}
	if (!slice_eqs(root->ns, REQUEST) ||
		(schema && !slice_eqs(xml_text(schema, arena), RESPONSE))) {
		answer_error(h, 601, "Provider is not available");
		return;
	}
	struct slice address = xml_text(mail, arena);
	if (address.n > LIMIT_ADDRESS || slice_find(address, '@') == address.n)
		answer_error(h, 600, "Invalid request");
	else
		answer_settings(h, address);
}

void page_autodiscover(struct http *h, struct slice body)
{
	struct arena *arena = arena_new(MIB(4));
	struct xml_node *root;

	if (arena && xml_parse(arena, body, &root) == ERR_OK)
		answer(h, root, arena);
	else
		answer_error(h, 600, "Invalid request");
	arena_free(arena);
}

/* --- JSON ------------------------------------------------------------------------------- */

/* What may stand in a URL and in JSON as it is. */
static bool is_host(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' &&
			c != '.' && c != ':' && c != '[' && c != ']')
			return false;
	}
	return s.n > 0 && s.n <= LIMIT_DOMAIN + 8;
}

static void json(struct http *h, unsigned status, const char *text)
{
	http_answer(
		h, status, "application/json; charset=utf-8", slice_str(text));
}

void page_autodiscover_json(struct http *h, struct slice body)
{
	struct slice host = http_field(&h->head, "Host");
	char text[LIMIT_DOMAIN + 200];
	struct buf protocol;

	buf_init(&protocol, 100);
	bool known = target_query(h->query, "Protocol", &protocol) &&
		     slice_ieqs(buf_slice(&protocol), "AutodiscoverV1");
	buf_free(&protocol);
	if (!known) {
		json(h, 400,
			"{\"ErrorCode\":\"InvalidProtocol\",\"ErrorMessage\":"
			"\"Supported protocols: AutodiscoverV1\"}\n");
		return;
	}
	if (!is_host(host))
		host = slice_str(config_str(h->front->config, "hostname"));
	snprintf(text, sizeof(text),
		"{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"https://%.*s"
		"/autodiscover/autodiscover.xml\"}\n",
		SLICE_ARG(host));
	json(h, 200, text);
}
