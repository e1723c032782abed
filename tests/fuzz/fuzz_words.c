/* SPDX-License-Identifier: EUPL-1.2 */
/* Encoded words, transfer encodings, charsets, collation, base subjects. */
#include <assert.h>

#include <bastide/mail.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct mail_decoder d;
	struct buf b;

	buf_init(&b, MIB(16));
	mail_words_decode(in, &b);
	for (int e = MAIL_7BIT; e <= MAIL_QUOTED_PRINTABLE; e++) {
		buf_reset(&b);
		mail_decoder_init(&d, (enum mail_encoding)e);
		mail_decode(&d, slice_head(in, size / 2), &b);
		mail_decode(&d, slice_from(in, size / 2), &b);
	}
	buf_reset(&b);
	mail_to_utf8(in, slice_str("iso-2022-jp"), &b);
	mail_to_utf8(in, slice_str("utf-8"), &b);
	buf_reset(&b);
	mail_fold(in, &b);
	assert(b.n <= size * 11);
	buf_reset(&b);
	bool reply;
	if (mail_base_subject(in, &b, &reply) == ERR_OK && b.n)
		assert(b.p[0] != ' ' && b.p[b.n - 1] != ' ');
	buf_free(&b);
	return 0;
}
