/* SPDX-License-Identifier: EUPL-1.2 */
/* FETCH of new messages, as NOTIFY and search contexts want them (RFC 5465). */
#ifndef IMAPD_ARRIVALS_H
#define IMAPD_ARRIVALS_H

#include "imap.h"

/* Of view_sync(), after EXISTS: FETCH of what is new from st.fetched on, as far
 * as it is wanted. ERR_AGAIN: while i->arrivals, a response may be half out, and
 * nothing else may be written. In the midst of a command it does nothing. */
MUST_CHECK enum err arrivals_fetch(struct imap *i);
/* With the selected mailbox. */
void arrivals_end(struct imap *i);

#endif
