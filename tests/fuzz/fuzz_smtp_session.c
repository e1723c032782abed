/* SPDX-License-Identifier: EUPL-1.2 */
/* Records as a front that was taken over could send them, on a real sealed
 * store. A piece of the script is its kind and the fields. */
#include "../../smtpd/proto.h"
#include "tenant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_mail(struct msg *m, struct slice fields)
{
	msg_begin(m, SMTP_MAIL);
	msg_add_slice(m, slice_cut(fields, '\n', &fields));
	msg_add_u32(m, SMTP_ESMTP | SMTP_UTF8);
	msg_add_u64(m, 0);
	for (int i = 0; i < 3; i++) /* helo, peer, tls */
		msg_add_slice(m, slice_cut(fields, '\n', &fields));
}

static bool put(struct msg *m, struct slice piece)
{
	static const struct {
		char kind;
		enum smtp_record type;
		bool field;
	} kinds[] = {
		{ 'R', SMTP_RCPT, true },
		{ 'D', SMTP_DATA, true },
		{ 'O', SMTP_OPEN, false },
		{ 'E', SMTP_END, false },
		{ 'X', SMTP_RESET, false },
	};
	struct slice rest = slice_from(piece, 1);

	if (piece.p[0] == 'M') {
		put_mail(m, rest);
		return true;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].kind != piece.p[0])
			continue;
		msg_begin(m, (uint16_t)kinds[i].type);
		if (kinds[i].field)
			msg_add_slice(m, rest);
		return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf records;

	if (!size)
		return 0;
	buf_init(&records, MIB(32));
	tenant_records(slice_of(data + 1, size - 1), put, &records);
	tenant_serve(smtp_session_new,
		data[0] == 'd' ? PROTOCOL_DELIVER : PROTOCOL_SUBMIT,
		buf_slice(&records));
	buf_free(&records);
	return 0;
}
