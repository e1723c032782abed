/* SPDX-License-Identifier: EUPL-1.2 */
/* Numeric addresses, and which of them belong to nobody out there. */
#include <arpa/inet.h>
#include <stdio.h>

#include "route.h"

enum err host_port(
	struct slice text, char host[LIMIT_DOMAIN + 1], uint16_t *port)
{
	size_t at = text.n;
	uint32_t number;

	while (at && text.p[at - 1] != ':')
		at--;
	if (at < 2 || num_u32(slice_from(text, at), &number) != ERR_OK ||
		number == 0 || number > UINT16_MAX)
		return ERR_SYNTAX;
	struct slice name = slice_head(text, at - 1);
	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = slice_of(name.p + 1, name.n - 2);
	if (!name.n || name.n > LIMIT_DOMAIN)
		return ERR_SYNTAX;
	memcpy(host, name.p, name.n);
	host[name.n] = '\0';
	*port = (uint16_t)number;
	return ERR_OK;
}

bool numeric_address(const char *host, uint16_t port, struct target *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;

	memset(&out->address, 0, sizeof(out->address));
	snprintf(out->name, sizeof(out->name), "%s", host);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		out->length = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	out->length = sizeof(*v6);
	return true;
}

struct range {
	uint8_t prefix[16];
	unsigned bits;
};

/* IANA special-purpose registries: what is not "globally reachable". */
static const struct range ranges4[] = {
	{ { 0 }, 8 }, { { 10 }, 8 }, { { 100, 64 }, 10 }, { { 127 }, 8 },
	{ { 169, 254 }, 16 }, { { 172, 16 }, 12 }, { { 192, 0, 0 }, 24 },
	{ { 192, 0, 2 }, 24 }, { { 192, 168 }, 16 }, { { 198, 18 }, 15 },
	{ { 198, 51, 100 }, 24 }, { { 203, 0, 113 }, 24 },
	{ { 224 }, 3 }, /* multicast, reserved, broadcast */
};

/* Unicast of the Internet is 2000::/3; inside it, what is not. Translations
 * (mapped, NAT64, 6to4, Teredo) could reach the ranges above. */
static const struct range ranges6[] = {
	{ { 0x20, 0x01 }, 23 },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
	{ { 0x20, 0x02 }, 16 },
	{ { 0x3f, 0xff }, 20 },
};

static bool in_range(const uint8_t *p, const struct range *r)
{
	for (unsigned bit = 0; bit < r->bits; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);
		if ((p[bit / 8] ^ r->prefix[bit / 8]) & mask)
			return false;
	}
	return true;
}

static bool in_ranges(const uint8_t *p, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (in_range(p, &r[i]))
			return true;
	return false;
}

bool is_private(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;

	if (ss->ss_family == AF_INET)
		return in_ranges((const uint8_t *)&v4->sin_addr, ranges4,
			sizeof(ranges4) / sizeof(ranges4[0]));
	const uint8_t *p = v6->sin6_addr.s6_addr;
	return p[0] >> 5 != 1 ||
	       in_ranges(p, ranges6, sizeof(ranges6) / sizeof(ranges6[0]));
}
