/* SPDX-License-Identifier: EUPL-1.2 */
/* Records as a front that was taken over could send them, on a real sealed
 * store. A request is "R", a letter for the method, the path, then the fields
 * that a session sees, each on a line. */
#include "../../caldav/method.h"
#include "../../caldav/proto.h"
#include "tenant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_request(struct msg *m, struct slice fields)
{
	uint32_t method = fields.n ? (uint32_t)(fields.p[0] - 'A') : 0;

	msg_begin(m, DAV_REQUEST);
	msg_add_u32(m, method);
	fields = slice_from(fields, 1);
	for (int i = 0; i < 1 + DAV_N_FIELDS; i++)
		msg_add_slice(m, slice_cut(fields, '\n', &fields));
}

static bool put(struct msg *m, struct slice piece)
{
	struct slice rest = slice_from(piece, 1);

	switch (piece.p[0]) {
	case 'R':
		put_request(m, rest);
		return true;
	case 'B':
		msg_begin(m, DAV_BODY);
		msg_add_slice(m, rest);
		return true;
	case 'E':
		msg_begin(m, DAV_END);
		return true;
	default:
		return false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool warm;
	struct buf records;

	if (!warm && dav_warm_up() != ERR_OK)
		return 0;
	warm = true;
	buf_init(&records, MIB(32));
	tenant_records(slice_of(data, size), put, &records);
	tenant_serve(dav_session_new, PROTOCOL_DAV, buf_slice(&records));
	buf_free(&records);
	return 0;
}
