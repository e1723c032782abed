/* SPDX-License-Identifier: EUPL-1.2 */
#include "head.h"

void head_pack(const struct head *h, uint8_t out[HEAD_PACKED])
{
	put_be64(out, h->serial);
	put_be64(out + 8, h->commit);
	put_be64(out + 16, h->journal);
	put_be64(out + 24, h->map_serial);
	memcpy(out + 32, h->chain, sizeof(h->chain));
	memcpy(out + 48, h->map_hash, sizeof(h->map_hash));
}

enum err head_unpack(struct slice raw, struct head *out)
{
	if (raw.n != HEAD_PACKED)
		return ERR_CORRUPT;
	*out = (struct head){ .serial = get_be64(raw.p),
		.commit = get_be64(raw.p + 8),
		.journal = get_be64(raw.p + 16),
		.map_serial = get_be64(raw.p + 24) };
	memcpy(out->chain, raw.p + 32, sizeof(out->chain));
	memcpy(out->map_hash, raw.p + 48, sizeof(out->map_hash));
	return ERR_OK;
}
