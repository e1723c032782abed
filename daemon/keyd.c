/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * keyd: the only holder of the root key. It has its directory and its channels,
 * no network, no other file. Each tenantd has a channel of its own, made by
 * bastided, on which it can ask for one tenant's key and leave that tenant's
 * head: who speaks is known by the channel, never by what is said.
 *
 * It writes seldom (a head a minute for a tenant that is awake) and so waits
 * for the disk where it stands. It ends when bastided and every tenantd have
 * closed their channels, since the last heads come at the very end.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/file.h>
#include <bastide/log.h>
#include <bastide/process.h>

#include "head.h"
#include "keyfile.h"

/* Where bastided leaves the open passphrase file. */
#define PASSPHRASE_FD 6
#define PASSPHRASE_MAX 1024
#define LIST_MAX KIB(64)

struct lease {
	struct oid tenant;
	struct ipc *ipc;
	uint64_t serial; /* of the head that is kept */
	bool asked;
	struct lease *next, **prev;
};

static struct {
	struct process process;
	struct ipc *control;
	struct keyring *keys;
	struct lease *leases;
	bool ending;
} keyd = { .process = { .name = "keyd" } };

/* --- a tenantd's channel ---------------------------------------------------------- */

static void lease_free(struct lease *l)
{
	ipc_free(l->ipc);
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	mem_free(l);
	if (keyd.ending && !keyd.leases)
		loop_stop(keyd.process.loop);
}

static enum err give_key(struct lease *l, struct msg_in *m)
{
	struct secret *key = NULL;
	struct buf head;
	struct msg reply;

	TRY(msg_end(m));
	buf_init(&head, 256);
	enum err e = tenant_key_read(keyd.keys, &l->tenant, &key);
	if (e == ERR_OK)
		e = head_read(keyd.keys, &l->tenant, &head);
	if (e == ERR_OK && head.n >= 8)
		l->serial = get_be64(head.p);
	l->asked = e == ERR_OK;
	msg_begin(&reply, KEY_GIVEN);
	/* No copy of the key may be left behind by a growing buffer. */
	msg_reserve(&reply, 1024);
	msg_add_err(&reply, e == ERR_NOTFOUND ? ERR_NOKEY : e);
	msg_add_slice(&reply, e == ERR_OK ? slice_of(secret_peek(key), KEY_SIZE)
					  : slice_str(""));
	msg_add_slice(&reply, buf_slice(&head));
	secret_free(key);
	buf_free(&head);
	return ipc_send(l->ipc, &reply);
}

static enum err keep_head(struct lease *l, struct msg_in *m)
{
	uint64_t serial = msg_u64(m);
	struct slice head = msg_slice(m);
	struct msg reply;

	TRY(msg_end(m));
	if (head.n != HEAD_PACKED || get_be64(head.p) != serial)
		return ERR_SYNTAX;
	/* Only forwards: a tenantd that was taken over cannot go back. */
	enum err e = l->asked && serial > l->serial ? ERR_OK : ERR_CONFLICT;
	if (e == ERR_OK)
		e = head_write(keyd.keys, &l->tenant, head);
	if (e == ERR_OK)
		l->serial = serial;
	msg_begin(&reply, HEAD_KEPT);
	msg_add_err(&reply, e);
	msg_add_u64(&reply, serial);
	return ipc_send(l->ipc, &reply);
}

static void on_lease_message(void *arg, struct msg_in *m)
{
	struct lease *l = arg;
	enum err e = m->type == KEY_GET    ? give_key(l, m)
		     : m->type == HEAD_PUT ? keep_head(l, m)
					   : ERR_UNSUPPORTED;
	char text[OID_TEXT + 1];

	if (e == ERR_OK)
		return;
	oid_text(&l->tenant, text);
	log_event(LOG_WARN_, "lease-ended", "tenant=%s err=%s", text,
		err_info(e)->name);
	lease_free(l);
}

static void on_lease_closed(void *arg)
{
	lease_free(arg);
}

/* --- bastided's ---------------------------------------------------------------------- */

static enum err get_oid(struct msg_in *m, struct oid *out)
{
	struct slice raw = msg_slice(m);

	if (raw.n != sizeof(out->b))
		return ERR_SYNTAX;
	memcpy(out->b, raw.p, sizeof(out->b));
	return ERR_OK;
}

static enum err on_tenant(struct msg_in *m)
{
	static const struct ipc_events events = { on_lease_message,
		on_lease_closed };
	struct oid tenant;

	TRY(get_oid(m, &tenant));
	int fd = msg_fd(m);
	if (fd < 0)
		return ERR_SYNTAX;
	/* One lease at a time: the process that had it before is gone. */
	for (struct lease *l = keyd.leases, *next; l; l = next) {
		next = l->next;
		if (memcmp(&l->tenant, &tenant, sizeof(tenant)) == 0)
			lease_free(l);
	}
	struct lease *l = mem_new(struct lease);
	if (!l) {
		close(fd);
		return ERR_NOMEM;
	}
	*l = (struct lease){
		.tenant = tenant, .next = keyd.leases, .prev = &keyd.leases
	};
	enum err e = ipc_new(keyd.process.loop, fd, &events, l, &l->ipc);
	if (e != ERR_OK) {
		mem_free(l);
		return e;
	}
	if (l->next)
		l->next->prev = &l->next;
	keyd.leases = l;
	return msg_end(m);
}

static enum err change_key(struct msg_in *m,
	enum err (*change)(struct keyring *k, const struct oid *tenant))
{
	uint16_t type = m->type;
	uint32_t id = msg_u32(m);
	struct oid tenant;
	struct msg reply;

	TRY(get_oid(m, &tenant));
	TRY(msg_end(m));
	msg_begin(&reply, type);
	msg_add_u32(&reply, id);
	msg_add_err(&reply, change(keyd.keys, &tenant));
	return ipc_send(keyd.control, &reply);
}

static enum err on_create(struct msg_in *m)
{
	return change_key(m, tenant_key_create);
}

static enum err on_destroy(struct msg_in *m)
{
	return change_key(m, tenant_key_destroy);
}

static enum err on_router(struct msg_in *m)
{
	uint8_t key[KEY_SIZE];
	struct msg reply;

	TRY(msg_end(m));
	enum err e = derived_key(keyd.keys, "router", key);
	msg_begin(&reply, KEYD_ROUTER);
	msg_add_err(&reply, e);
	msg_add_slice(&reply, slice_of(key, e == ERR_OK ? KEY_SIZE : 0));
	mem_wipe(key, sizeof(key));
	return ipc_send(keyd.control, &reply);
}

static enum err on_list(struct msg_in *m)
{
	uint32_t id = msg_u32(m);
	struct buf list;
	struct msg reply;

	TRY(msg_end(m));
	buf_init(&list, LIST_MAX);
	enum err e = tenant_key_list(keyd.keys, &list);
	msg_begin(&reply, KEYD_LIST);
	msg_add_u32(&reply, id);
	msg_add_err(&reply, e);
	msg_add_slice(&reply, buf_slice(&list));
	buf_free(&list);
	return ipc_send(keyd.control, &reply);
}

/* The first line of the file, without its end. */
static enum err open_keyring(void)
{
	struct buf text;
	struct slice rest;

	buf_init(&text, PASSPHRASE_MAX);
	enum err e = buf_reserve(&text, PASSPHRASE_MAX);
	if (e == ERR_OK)
		e = file_read_fd(PASSPHRASE_FD, &text);
	close(PASSPHRASE_FD);
	struct slice line =
		slice_trim(slice_cut(buf_slice(&text), '\n', &rest));
	if (e == ERR_OK && !line.n)
		e = ERR_NOKEY;
	if (e == ERR_OK) {
		int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		e = dir < 0 ? ERR_IO : keyring_open(dir, line, &keyd.keys);
	}
	buf_wipe(&text);
	return e;
}

static enum err on_config(struct msg_in *m)
{
	TRY(process_config(&keyd.process, m));
	enum err e = open_keyring();
	if (e != ERR_OK) {
		log_event(LOG_ERROR_, "root-key-closed", "err=%s%s",
			err_info(e)->name,
			e == ERR_AUTH ? " hint=\"wrong passphrase?\"" : "");
		return e;
	}
	TRY(process_walls(&keyd.process, PROFILE_KEYD, "."));
	return send_plain(keyd.control, CONTROL_READY);
}

static enum err on_stop(struct msg_in *m)
{
	keyd.ending = true;
	if (!keyd.leases)
		loop_stop(keyd.process.loop);
	return msg_end(m);
}

static const struct {
	uint16_t type;
	enum err (*take)(struct msg_in *m);
} messages[] = {
	{ CONTROL_CONFIG, on_config },
	{ CONTROL_STOP, on_stop },
	{ KEYD_TENANT, on_tenant },
	{ KEYD_CREATE, on_create },
	{ KEYD_DESTROY, on_destroy },
	{ KEYD_ROUTER, on_router },
	{ KEYD_LIST, on_list },
};

static void on_message(void *arg, struct msg_in *m)
{
	enum err e = ERR_UNSUPPORTED;
	uint16_t type = m->type;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].type == type)
			e = messages[i].take(m);
	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "control-failed", "type=%u err=%s", type,
		err_info(e)->name);
	exit(err_info(e)->exit);
}

static void on_closed(void *arg)
{
	keyd.ending = true;
	if (!keyd.leases)
		loop_stop(keyd.process.loop);
}

int main(int argc, char **argv)
{
	static const struct ipc_events events = { on_message, on_closed };

	process_begin(&keyd.process);
	enum err e = ipc_new(
		keyd.process.loop, CONTROL_FD, &events, NULL, &keyd.control);
	if (e != ERR_OK)
		return err_info(e)->exit;
	loop_run(keyd.process.loop);
	keyring_close(keyd.keys);
	log_event(LOG_INFO_, "ended", "reason=stop");
	return 0;
}
