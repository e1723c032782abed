/* SPDX-License-Identifier: EUPL-1.2 */
#include <bastide/content.h>
#include <bastide/crypt.h>
#include <bastide/mem.h>
#include <bastide/sasl.h>

#include "token.h"
#include "work.h"

/* Ours is SCRAM_ITERATIONS; a credential that was imported may have more. */
#define ITERATIONS_MAX 1000000

static enum err work_pbkdf2(struct msg_in *request, struct msg *reply)
{
	struct slice password = msg_slice(request), salt = msg_slice(request);
	uint32_t iterations = msg_u32(request);
	uint8_t key[32];

	TRY(msg_end(request));
	if (!iterations || iterations > ITERATIONS_MAX ||
		password.n > LIMIT_PASSWORD || salt.n > 64)
		return ERR_LIMIT;
	TRY(pbkdf2_sha256(password, salt, iterations, key));
	msg_add_slice(reply, slice_of(key, sizeof(key)));
	mem_wipe(key, sizeof(key));
	return ERR_OK;
}

static enum err work_expand(struct msg_in *request, struct msg *reply)
{
	static struct span spans[LIMIT_SPANS];
	struct slice ics = msg_slice(request);
	int64_t horizon;
	size_t n;

	TRY(msg_end(request));
	TRY(ical_expand(ics, spans, &n, &horizon));
	msg_add_u64(reply, (uint64_t)horizon);
	msg_add_u32(reply, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		msg_add_u64(reply, (uint64_t)spans[i].start);
		msg_add_u64(reply, (uint64_t)spans[i].end);
	}
	return ERR_OK;
}

static enum err work_instances(struct msg_in *request, struct msg *reply)
{
	static struct instance list[LIMIT_INSTANCES];
	struct slice ics = msg_slice(request);
	int64_t from = (int64_t)msg_u64(request);
	int64_t to = (int64_t)msg_u64(request);
	size_t n;

	TRY(msg_end(request));
	TRY(ical_instances(ics, from, to, list, LIMIT_INSTANCES, &n));
	msg_add_u32(reply, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		msg_add_u32(reply, list[i].component);
		msg_add_u32(reply, list[i].flags);
		msg_add_u64(reply, (uint64_t)list[i].start);
		msg_add_u64(reply, (uint64_t)list[i].end);
		msg_add_u64(reply, (uint64_t)list[i].recurrence);
	}
	return ERR_OK;
}

static enum err work_token(struct msg_in *request, struct msg *reply)
{
	struct slice token = msg_slice(request);
	struct token_rules rules = { .keys = msg_slice(request) };
	const char *why;

	rules.issuer = msg_slice(request);
	rules.audience = msg_slice(request);
	rules.scope = msg_slice(request);
	rules.claim = msg_slice(request);
	rules.user = msg_slice(request);
	rules.now = (int64_t)msg_u64(request);
	TRY(msg_end(request));
	TRY(token_check(token, &rules, &why));
	msg_add_slice(reply, slice_str(why));
	return ERR_OK;
}

/* The seed of its tables comes from a file. */
static enum err warm_up_token(void)
{
	json_object_seed(0);
	return ERR_OK;
}

static enum err warm_up_expand(void)
{
	ical_warm_up();
	return ERR_OK;
}

const struct work_kind work_kinds[] = {
	{ WORK_PBKDF2, work_pbkdf2, NULL },
	{ WORK_EXPAND, work_expand, warm_up_expand },
	{ WORK_INSTANCES, work_instances, NULL },
	{ WORK_TOKEN, work_token, warm_up_token },
	{ 0, NULL, NULL },
};
