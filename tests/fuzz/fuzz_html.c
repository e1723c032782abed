/* SPDX-License-Identifier: EUPL-1.2 */
/* The text of HTML, and the preview of it: the same in one piece and in two. */
#include <assert.h>

#include <bastide/mail.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void preview(struct slice utf8, bool html)
{
	struct mail_preview p;

	mail_preview_init(&p, html);
	mail_preview_add(&p, utf8);
	struct slice text = mail_preview_text(&p);
	assert(utf8_valid(text));
	assert(p.characters <= MAIL_PREVIEW_MAX);
	assert(slice_find(text, '\n') == text.n);
	assert(!text.n || (text.p[0] != ' ' && text.p[text.n - 1] != ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct buf utf8, whole, pieces;
	struct mail_html h;

	buf_init(&utf8, MIB(16));
	buf_init(&whole, MIB(16));
	buf_init(&pieces, MIB(16));
	mail_to_utf8(in, slice_str("utf-8"), &utf8);
	mail_html_init(&h);
	mail_html_text(&h, buf_slice(&utf8), &whole);
	assert(whole.n <= utf8.n + 20);
	mail_html_init(&h);
	mail_html_text(&h, slice_head(buf_slice(&utf8), utf8.n / 2), &pieces);
	mail_html_text(&h, slice_from(buf_slice(&utf8), utf8.n / 2), &pieces);
	assert(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	assert(utf8_valid(buf_slice(&whole)));
	preview(buf_slice(&utf8), false);
	preview(buf_slice(&whole), true);
	buf_free(&utf8);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
