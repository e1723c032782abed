/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The router must know which addresses exist, so that the others wake nobody.
 * It keeps only keyed digests; it gets the addresses from here.
 */
#include <bastide/control.h>
#include <bastide/directory.h>

#include "tenantd.h"

#define ROWS 200
/* Leaves room in a message for one more address. */
#define MESSAGE_FULL (LIMIT_IPC_MESSAGE - 2 * LIMIT_ADDRESS)

struct batch {
	struct msg m;
	uint32_t n, op;
};

static void batch_begin(struct batch *b, uint32_t op)
{
	b->op = op;
	b->n = 0;
	msg_begin(&b->m, TENANT_ADDRESSES);
}

/* The number stands before the addresses, and is known only now. */
static enum err batch_send(struct batch *b)
{
	struct msg head;

	msg_begin(&head, TENANT_ADDRESSES);
	msg_add_u32(&head, b->op);
	msg_add_u32(&head, b->n);
	buf_add_slice(&head.b, slice_from(buf_slice(&b->m.b), 2));
	msg_free(&b->m);
	return ipc_send(tenantd.tenant.control, &head);
}

static enum err batch_add(struct batch *b, struct slice address)
{
	if (b->m.b.n + address.n > MESSAGE_FULL) {
		TRY(batch_send(b));
		batch_begin(b, ADDRESSES_MORE);
	}
	msg_add_slice(&b->m, address);
	b->n++;
	return buf_err(&b->m.b);
}

static enum err tell(struct batch *b, struct arena *arena)
{
	char after[2 * LIMIT_ADDRESS];
	size_t after_n = 0, n;

	do {
		struct alias_row rows[ROWS];
		TRY(address_list(tenantd.tenant.store, slice_of(after, after_n),
			arena, rows, ROWS, &n));
		for (size_t i = 0; i < n; i++)
			TRY(batch_add(b, rows[i].address));
		if (n) {
			struct slice last = rows[n - 1].address;
			if (last.n > sizeof(after))
				return ERR_BUG;
			memcpy(after, last.p, last.n);
			after_n = last.n;
		}
		arena_reset(arena);
	} while (n == ROWS);
	return ERR_OK;
}

enum err addresses_tell_all(void)
{
	struct arena *arena = arena_new(MIB(1));
	struct batch b;

	if (!arena)
		return ERR_NOMEM;
	batch_begin(&b, ADDRESSES_ALL);
	enum err e = tell(&b, arena);
	arena_free(arena);
	if (e == ERR_OK) {
		e = batch_send(&b);
		batch_begin(&b, ADDRESSES_END);
	}
	if (e == ERR_OK)
		return batch_send(&b);
	msg_free(&b.m);
	return e;
}

void addresses_changed(struct slice address, bool added)
{
	struct batch b;

	batch_begin(&b, added ? ADDRESSES_ADD : ADDRESSES_REMOVE);
	/* Lost only with bastided, who then asks for all of them. */
	if (batch_add(&b, address) == ERR_OK)
		(void)batch_send(&b);
	else
		msg_free(&b.m);
}
