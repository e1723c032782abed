/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages inside a session stream: 4 bytes of length, then the message. */
#include <bastide/ipc.h>
#include <bastide/mem.h>

#define LENGTH 4

void record_send(struct conn *c, struct msg *m)
{
	uint8_t length[LENGTH];

	if (buf_err(&m->b) == ERR_OK && !m->n_fds) {
		put_be32(length, (uint32_t)m->b.n);
		conn_write(c, slice_of(length, LENGTH));
		conn_write(c, buf_slice(&m->b));
	} else {
		/* Ours was too long: the peer must not wait for it. */
		conn_finish(c);
	}
	msg_free(m);
}

enum err record_next(struct conn *c, struct msg_in *out)
{
	struct slice in = conn_input(c);

	if (in.n < LENGTH)
		return ERR_AGAIN;
	size_t n = get_be32(in.p);
	if (n > LIMIT_IPC_MESSAGE)
		return ERR_SYNTAX;
	if (in.n < LENGTH + n) {
		conn_set_input_max(c, LENGTH + LIMIT_IPC_MESSAGE);
		return ERR_AGAIN;
	}
	return msg_parse(slice_head(slice_from(in, LENGTH), n), out);
}

void record_done(struct conn *c)
{
	struct slice in = conn_input(c);

	/* record_next saw it whole, but what finishes a connection drops its
	 * input. */
	if (in.n >= LENGTH)
		conn_consume(c, LENGTH + get_be32(in.p));
}
