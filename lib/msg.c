/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Messages between our processes: big-endian type, then fields, each a tag
 * byte and its value. The other process may be taken over by an attacker, so
 * reading trusts nothing: a getter that finds another tag, or too few bytes,
 * marks the message bad for good.
 */
#include <unistd.h>

#include <bastide/ipc.h>
#include <bastide/mem.h>

enum tag { TAG_U32 = 1, TAG_U64, TAG_SLICE, TAG_ERR, TAG_FD };

#define HEAD 2

void msg_begin(struct msg *m, uint16_t type)
{
	*m = (struct msg){ .n_fds = 0 };
	buf_init(&m->b, LIMIT_IPC_MESSAGE);
	buf_add_be16(&m->b, type);
}

void msg_reserve(struct msg *m, size_t n)
{
	if (buf_reserve(&m->b, n) != ERR_OK)
		return; /* sticky */
}

void msg_add_u32(struct msg *m, uint32_t v)
{
	buf_addc(&m->b, TAG_U32);
	buf_add_be32(&m->b, v);
}

void msg_add_u64(struct msg *m, uint64_t v)
{
	buf_addc(&m->b, TAG_U64);
	buf_add_be64(&m->b, v);
}

void msg_add_slice(struct msg *m, struct slice s)
{
	buf_addc(&m->b, TAG_SLICE);
	buf_add_be32(&m->b, (uint32_t)s.n);
	buf_add_slice(&m->b, s);
}

void msg_add_err(struct msg *m, enum err e)
{
	buf_addc(&m->b, TAG_ERR);
	buf_addc(&m->b, (char)e);
}

void msg_add_fd(struct msg *m, int fd)
{
	if (m->n_fds == MSG_FDS) {
		m->b.err = ERR_LIMIT;
		return;
	}
	buf_addc(&m->b, TAG_FD);
	m->fds[m->n_fds++] = fd;
}

void msg_free(struct msg *m)
{
	buf_wipe(&m->b);
	m->n_fds = 0;
}

/* --- reading --------------------------------------------------------------- */

enum err msg_parse(struct slice raw, struct msg_in *out)
{
	if (raw.n < HEAD)
		return ERR_SYNTAX;
	*out = (struct msg_in){ .type = get_be16(raw.p),
		.rest = slice_from(raw, HEAD) };
	return ERR_OK;
}

/* The next `n` bytes after `tag`, or NULL and a bad message. */
static const char *take(struct msg_in *m, enum tag tag, size_t n)
{
	if (m->bad || m->rest.n < 1 + n || m->rest.p[0] != (char)tag) {
		m->bad = true;
		return NULL;
	}
	const char *p = m->rest.p + 1;
	m->rest = slice_from(m->rest, 1 + n);
	return p;
}

uint32_t msg_u32(struct msg_in *m)
{
	const char *p = take(m, TAG_U32, 4);

	return p ? get_be32(p) : 0;
}

uint64_t msg_u64(struct msg_in *m)
{
	const char *p = take(m, TAG_U64, 8);

	return p ? get_be64(p) : 0;
}

struct slice msg_slice(struct msg_in *m)
{
	const char *p = take(m, TAG_SLICE, 4);

	if (!p)
		return slice_of(NULL, 0);
	size_t n = get_be32(p);
	if (n > m->rest.n) {
		m->bad = true;
		return slice_of(NULL, 0);
	}
	struct slice s = slice_head(m->rest, n);
	m->rest = slice_from(m->rest, n);
	return s;
}

enum err msg_err(struct msg_in *m)
{
	const char *p = take(m, TAG_ERR, 1);

	if (p && (unsigned char)*p >= ERR_COUNT)
		m->bad = true;
	return m->bad ? ERR_SYNTAX : (enum err)(unsigned char)*p;
}

int msg_fd(struct msg_in *m)
{
	if (!take(m, TAG_FD, 0))
		return -1;
	if (m->next_fd == m->n_fds) {
		m->bad = true;
		return -1;
	}
	int fd = m->fds[m->next_fd];
	m->fds[m->next_fd++] = -1;
	return fd;
}

enum err msg_end(struct msg_in *m)
{
	if (m->bad || m->rest.n || m->next_fd != m->n_fds)
		return ERR_SYNTAX;
	return ERR_OK;
}
